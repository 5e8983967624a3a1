"""Finds the account of a key by its hash: those of the configuration file, then those that are stored."""

from collections.abc import Mapping

from proxy.domain.account import Account


class AccountDirectory:
    """One per application."""

    def __init__(self, declared: Mapping[str, Account]) -> None:
        self._declared = declared

    def find(self, token: str) -> Account | None:
        """The account of the key with this hash; None for a key that there is not."""
        return self._declared.get(token)
