"""One request's cost is linear and bounded: every field of every schema, in every shape, for each wire format.

In `make test` a seeded part of the cases; `make fuzz` runs all of them.
"""

import os
import random
from collections.abc import Iterator

import pytest

from tests.security import request_cost
from tests.security.request_cost import Bench, Case, chat_cases, field_cases

ALL = os.environ.get("PATCHBAY_FUZZ") == "1"
FIELDS, CHATS, WEIGHED = 160, 90, 16


def some(cases: Iterator[Case], count: int) -> list[Case]:
    found = [*cases]
    return found if ALL else random.Random(14).sample(found, min(count, len(found)))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_every_operation_has_a_body() -> None:
    assert {row.name for row in request_cost.served_operations()} == set(request_cost.SOUND)


def test_time_is_linear_and_short_for_every_field_in_every_shape(bench: Bench) -> None:
    assert not [problem for case in some(field_cases(), FIELDS) if (problem := bench.problem(case))]


def test_time_is_linear_and_short_for_whole_chats_in_every_wire_format(bench: Bench) -> None:
    assert not [problem for case in some(chat_cases(), CHATS) if (problem := bench.problem(case))]


def test_memory_is_a_small_multiple_of_the_body(bench: Bench) -> None:
    cases = [*some(chat_cases(), WEIGHED), *some(field_cases(), WEIGHED)]
    weights = {case: bench.memory(case) for case in cases}
    assert not [f"{case}: {weight:.1f}x" for case, weight in weights.items() if weight > request_cost.MOST_MEMORY]


def test_bar_finds_a_quadratic_cost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that can't fail would show nothing."""
    case = next(case for case in chat_cases() if case.shape == "turns")
    serve = bench.seconds

    def slower(given: Case, body: bytes) -> float:
        return serve(given, body) + (len(body) / request_cost.LARGE) ** 2 * 0.3

    monkeypatch.setattr(bench, "seconds", slower)
    assert bench.problem(case)
