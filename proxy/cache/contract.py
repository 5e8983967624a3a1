"""What a response cache is for the pipeline of a call."""

from typing import Protocol

from proxy.domain.attempt import Outcome
from proxy.domain.call import Call


class ResponseCache(Protocol):
    """No method raises: a cache that fails is a miss."""

    def find(self, call: Call) -> Outcome | None:
        """The kept answer to an equal request; None for a miss."""

    def release(self, call: Call) -> None:
        """The call has failed: equal requests that wait for its answer go on."""

    def keep(self, call: Call, outcome: Outcome) -> Outcome:
        """The same outcome; its answer is kept when it is whole."""
