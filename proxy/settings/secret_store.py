"""What a secret manager is to the settings, and how reading a secret fails."""

from collections.abc import Mapping
from typing import Any, Protocol


class SecretError(Exception):
    """The secret can't be read; the message names what is missing, never a value."""


class SecretStore(Protocol):
    """A secret manager. `read` gives the secret's text, or its fields; it raises SecretError."""

    def read(self, name: str) -> str | Mapping[str, Any]: ...


class ManagerDownError(SecretError):
    """The manager itself does not answer, or refuses this gateway."""
