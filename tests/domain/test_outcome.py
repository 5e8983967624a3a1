"""A walk that succeeded, and what is told of it."""

import pytest

from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.errors import Attempt

ANSWERED = Attempt("fast", "d1", "first", 200, None, 700.0)
REFUSED = Attempt("slow", "d0", "fallback", 429, "RateLimitError", 100.0)


def make_outcome(*attempts: Attempt) -> Outcome:
    deployment = Deployment("d1", "fast", "openai", "gpt-4o")
    return Outcome(Answer(b"{}"), deployment, attempts, retries=2, fallbacks=1, first=0.5)


def test_nothing_but_the_cost_is_another_when_it_becomes_known() -> None:
    outcome, cost = make_outcome(REFUSED, ANSWERED), Cost(0.5)
    assert outcome.priced(cost) == outcome._replace(cost=cost)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [((ANSWERED,), 0.0), ((REFUSED, ANSWERED), 0.1), ((REFUSED, ANSWERED, REFUSED), 0.2)]
)
def test_only_tries_that_failed_count_when_their_time_is_asked_for(
    attempts: tuple[Attempt, ...], seconds: float
) -> None:
    assert make_outcome(*attempts).failed_seconds == pytest.approx(seconds)
