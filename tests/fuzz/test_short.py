"""The fuzz targets, a short form with fixed seeds; `make fuzz` runs them for as long as one likes."""

import random

import pytest

from tests.fuzz.targets import build_targets, run

COUNTS = {"parser": 2000, "bodies": 300, "answers": 400, "guard": 5000, "json": 400, "quotes": 300}
TARGETS = build_targets()


def test_every_target_is_run() -> None:
    assert set(COUNTS) == set(TARGETS)


@pytest.mark.parametrize("name", COUNTS)
def test_target_keeps_its_promise(name: str) -> None:
    run(TARGETS[name], 1_000_000, COUNTS[name])


def test_failure_names_its_seed() -> None:
    def breaks(rng: random.Random) -> None:
        assert rng.random() < 0.5

    with pytest.raises(AssertionError, match=r"seed \d+"):
        run(breaks, 1, 100)
