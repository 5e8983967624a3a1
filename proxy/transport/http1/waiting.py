"""What a wait on sockets is and what it finds: the contract of the ways to wait."""

from enum import Enum
from typing import Protocol


class Ready(Enum):
    """What a wait has found. When both sockets are ready, it is SOCKET."""

    SOCKET = 1
    CLIENT = 2
    NOTHING = 3


class Waitable(Protocol):
    """A socket, or an object in its place; it is the same object for as long as it is open."""

    def fileno(self) -> int: ...


class Readiness(Protocol):
    """For one try, in one thread or greenlet at a time."""

    def wait(self, socket: Waitable, write: bool, seconds: float | None) -> Ready:
        """Until the socket can be read, or with `write` written, or is broken; NOTHING after `seconds`, None for never."""

    def give_way(self) -> None:
        """Let others run now: a reader that never waits would keep a whole worker of greenlets for itself."""

    def forget_client(self) -> None:
        """Stop watching the client's socket: it has no more news."""
