"""One try of one deployment: what it may cost, and what became of it."""

from collections.abc import Callable
from typing import NamedTuple

from proxy.domain.answer import Reply
from proxy.domain.cache_control import CacheResult
from proxy.domain.call import Call
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage
from proxy.domain.wire import Clocks
from proxy.errors import Attempt, GatewayError


class Result(NamedTuple):
    """How a try ended. `seconds` is the whole of it, `first` until the first content of a stream, None if it never came."""

    seconds: float
    error: GatewayError | None = None
    usage: Usage | None = None
    first: float | None = None


# Called exactly once for each try: a plain one when it returns or raises, a stream when it ends, breaks or is closed.
OnResult = Callable[[Result], None]

# One call to one deployment. Raises GatewayError; a StreamReply comes back with its first content already read.
Send = Callable[[Call, Deployment, Clocks, OnResult], Reply]


class Outcome(NamedTuple):
    """A walk that succeeded: the reply, its deployment, and every try on the way.

    `retries` counts the further tries within a group, `fallbacks` the further groups. `cost` is that of a whole
    answer, `first` the seconds from the request to the first content of a stream. `cache` is what the response cache did; a
    hit has no attempts, and the deployment that once gave the answer.
    """

    reply: Reply
    deployment: Deployment
    attempts: tuple[Attempt, ...]
    retries: int = 0
    fallbacks: int = 0
    cost: Cost | None = None
    first: float | None = None
    cache: CacheResult | None = None

    def priced(self, cost: Cost | None) -> "Outcome":
        """The same, with its cost."""
        return Outcome(*self[:5], cost, self.first, self.cache)

    @property
    def failed_seconds(self) -> float:
        """The time that went into tries that failed: all but the last, as long as no stream went on elsewhere."""
        if len(self.attempts) == 1:
            return 0.0
        return sum(attempt.milliseconds for attempt in self.attempts if attempt.error_class) / 1000
