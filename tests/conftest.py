"""What holds for all tests: with CI=true a missing part is a failure, and PATCHBAY_FAST_PATH=off is the mode of each
application that a test makes, in its own process or another."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.fastpath import door
from proxy.fastpath.parts import PLAIN

# The reasons of skips that a further program or package would end.
MISSING = re.compile(r"there is no |no Chromium|could not import|is not installed|not found", re.IGNORECASE)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("PATCHBAY_FAST_PATH") == "off":
        door.find_parts = lambda fast: PLAIN


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    return fail_if_missing(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    return fail_if_missing(report)


def fail_if_missing(report: Any, in_ci: bool | None = None) -> Any:
    """`in_ci`: None reads it from the environment."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if (os.environ.get("CI") == "true" if in_ci is None else in_ci) and MISSING.search(reason):
            report.outcome = "failed"
            report.longrepr = f"{reason}: with CI=true nothing may be missing (.ci/run installs it)"
    return report
