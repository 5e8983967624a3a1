"""What comes back from the gateway to a view: an answer or a stream, and what to do at its end."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from proxy.domain.answer import StreamEnd
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.usage import Usage
from proxy.errors import GatewayError

if TYPE_CHECKING:
    from proxy.gateway.several_models import Piece


class StreamEnding(Protocol):
    """The gateway's part in a stream that a client is reading."""

    @property
    def keeps_content(self) -> bool:
        """Whether the chunks are collected for the record."""

    def price(self, usage: Usage) -> float | None:
        """USD for the chunk of usage; None where it is not shown, or not known."""

    def finish(self, end: StreamEnd) -> None:
        """The stream has ended, broken or been left. Called once."""


class Served(NamedTuple):
    """One call that one deployment answered. `base_url` is where it is, without credentials. `ending` is for streams."""

    call: Call
    outcome: Outcome
    base_url: str | None = None
    ending: StreamEnding | None = None


class ServedBatch(NamedTuple):
    """Several models' whole answers, or their errors, in the order in which they were asked for."""

    call: Call
    models: tuple[str, ...]
    items: list[Served | GatewayError]


class ServedStreams(NamedTuple):
    """Several models' streams. `pieces` must be closed when the client leaves."""

    call: Call
    models: tuple[str, ...]
    pieces: "Generator[Piece]"


class ServedFastest(NamedTuple):
    """The first of several models that answered `call`."""

    call: Call
    served: Served


AnyServed = Served | ServedBatch | ServedStreams | ServedFastest
RunOne = Callable[[Call], Served]
