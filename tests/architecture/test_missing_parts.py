"""A skip for a missing part is a failure with CI=true, and only such a skip."""

from types import SimpleNamespace

import pytest

from tests.conftest import fail_if_missing

MISSING = [
    "Skipped: there is no redis-server",
    "Skipped: no Chromium here: `make test-browser` says how to get one",
    "Skipped: could not import 'granian': No module named 'granian'",
]


@pytest.mark.parametrize("reason", MISSING)
@pytest.mark.parametrize(("in_ci", "outcome"), [(True, "failed"), (False, "skipped")])
def test_missing_part_fails_in_ci(reason: str, in_ci: bool, outcome: str) -> None:
    report = SimpleNamespace(skipped=True, outcome="skipped", longrepr=("file.py", 1, reason))
    assert fail_if_missing(report, in_ci).outcome == outcome


def test_other_skips_stay_skips_in_ci() -> None:
    report = SimpleNamespace(skipped=True, outcome="skipped", longrepr=("file.py", 1, "Skipped: xai has no reader yet"))
    assert fail_if_missing(report, True).outcome == "skipped"
