"""The steps of a call in their order, and what happens when one of them ends it."""

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.errors import GatewayError, PermissionDeniedError
from proxy.gateway.gateway import Gateway
from tests.routing.router_bench import call as make_call
from tests.routing.router_bench import deployment

KEPT = Outcome(Answer(b'{"id":"kept"}'), deployment("kept"), ())
ASKED = Outcome(Answer(b'{"id":"asked"}'), deployment("asked"), ())


class Steps:
    """Every leg of the pipeline in one fake: it notes the order in which they run."""

    def __init__(self, hit: Outcome | None = None, refusing: str = "") -> None:
        self.ran: list[str] = []
        self.hit = hit
        self.refusing = refusing
        self.counts_all = True

    def _run(self, step: str) -> None:
        self.ran.append(step)
        if step == self.refusing:
            raise PermissionDeniedError(f"{step} refuses")

    def admit(self, call: Call) -> Call:
        self._run("admit")
        return call

    def reserve(self, call: Call) -> Call:
        self._run("reserve")
        return call

    def check_request(self, call: Call) -> Call:
        self._run("guard request")
        return call

    def check_answer(self, call: Call, outcome: Outcome) -> Outcome:
        self._run("guard answer")
        return outcome

    def find(self, call: Call) -> Any:
        self._run("cache")
        return self.hit

    def keep(self, call: Call, outcome: Outcome) -> Outcome:
        self._run("keep")
        return outcome

    def release(self, call: Call) -> None:
        """A failed call keeps nothing."""

    def run(self, call: Call, send: object) -> Outcome:
        self._run("route")
        return ASKED

    def answered(self, call: Call, outcome: Outcome, answer: Answer) -> Outcome:
        self._run("settle and record")
        return outcome

    def failed(self, call: Call, error: GatewayError, tried: object, *_: object) -> None:
        self._run("record failure")

    def note_headers(self, outcome: Outcome) -> None:
        """Nothing to note."""


def build(steps: Steps, *, with_guard: bool = True, with_cache: bool = True) -> Gateway:
    any_part: Any = steps
    routers: Any = SimpleNamespace(find=lambda _call: steps, last_tried=lambda _call, _error: None)
    dispatcher: Any = SimpleNamespace(send=None)
    runtime: Any = SimpleNamespace(monotonic=lambda: 0.0)
    return Gateway(
        any_part,
        routers,
        dispatcher,
        any_part,
        any_part,
        any_part,
        runtime,
        lambda _: None,
        meter=any_part,
        guardrail=any_part if with_guard else None,
        cache=any_part if with_cache else None,
    )


def test_steps_run_in_order_when_nothing_is_kept() -> None:
    steps = Steps()
    served: Any = build(steps).serve(make_call("m"))
    assert steps.ran == [
        "admit", "reserve", "guard request", "cache", "route", "keep", "guard answer", "settle and record"
    ]  # fmt: skip
    assert served.outcome is ASKED


def test_no_deployment_is_asked_when_the_answer_is_kept() -> None:
    steps = Steps(hit=KEPT)
    served: Any = build(steps).serve(make_call("m"))
    assert "route" not in steps.ran and "keep" not in steps.ran
    assert "guard answer" in steps.ran and served.outcome is KEPT


def test_guard_and_cache_are_no_steps_when_they_are_off() -> None:
    steps = Steps()
    build(steps, with_guard=False, with_cache=False).serve(make_call("m"))
    assert steps.ran == ["admit", "reserve", "route", "settle and record"]


@pytest.mark.parametrize("step", ["admit", "reserve", "guard request", "route", "guard answer"])
def test_a_refusal_is_recorded_once_and_nothing_follows_it(step: str) -> None:
    steps = Steps(refusing=step)
    with pytest.raises(PermissionDeniedError, match=step):
        build(steps).serve(make_call("m"))
    assert steps.ran[-2:] == [step, "record failure"]
    assert steps.ran.count("record failure") == 1
