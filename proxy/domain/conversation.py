"""What connects the answers of the Responses API with each other: signed ids, sealed reasoning, kept answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from proxy.domain.sealing import Sealer

RESPONSE_PREFIX = "resp_"
# Reasoning of providers that encrypt none.
REASONING_PREFIX = "pbr1_"


class ResponseName(NamedTuple):
    """What a signed id holds.

    `key`: the provider's own id, or the call's where the gateway keeps the answer. `deployment`: the id of the one that
    keeps it; None is the gateway. `model`: the name that the client asked for. `owner`: whose answer it is.
    """

    key: str
    owner: str
    model: str
    deployment: str | None = None


class KeptAnswer(NamedTuple):
    """An answer of the gateway's own keeping: all input items that led to it, and the response object."""

    items: list[Any]
    response: Mapping[str, Any]


def _keep_nothing(name: ResponseName, answer: KeptAnswer) -> None:
    """For a client that wants nothing stored."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One call's part in a conversation. `keep` stores a finished answer; `previous` is the id that it continues."""

    sealer: Sealer
    owner: str = ""
    stored: bool = False
    previous: str | None = None
    keep: Callable[[ResponseName, KeptAnswer], None] = _keep_nothing

    def sign(self, name: ResponseName) -> str:
        return self.sealer.seal(RESPONSE_PREFIX, list(name))

    def read(self, identifier: str) -> ResponseName | None:
        """None for an id that this gateway has not signed."""
        found = self.sealer.open(RESPONSE_PREFIX, identifier)
        return ResponseName(*found) if isinstance(found, list) else None


NO_CONVERSATION = Conversation(Sealer(b""))
