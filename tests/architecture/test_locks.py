"""locks/ holds what requirements*.txt name, each package with hashes: `make lock` writes them."""

import re
from collections.abc import Iterator

import pytest

from tests.live.servers import ROOT

LOCKS = {"runtime": "requirements.txt", "dev": "requirements-dev.txt", "clients": "requirements-clients.txt"}
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s\\;]+)")


def pins(path: str) -> Iterator[tuple[str, str]]:
    for line in (ROOT / path).read_text().splitlines():
        if line.startswith("-r "):
            yield from pins(line.removeprefix("-r ").strip())
        elif (found := _PIN.match(line)) is not None:
            yield re.sub(r"[._-]+", "-", found[1]).lower(), found[2]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_what_is_required(name: str) -> None:
    assert not set(pins(LOCKS[name])) - set(pins(f"locks/{name}.txt")), "run `make lock`"


@pytest.mark.parametrize("name", [*LOCKS, "pip"])
def test_every_locked_package_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / f"locks/{name}.txt").read_text()
    packages = re.split(r"\n(?=[A-Za-z])", text.strip())
    assert packages
    assert all("--hash=sha256:" in package and "==" in package for package in packages)
    assert "://" not in text and "--index" not in text


def test_serving_needs_no_build_tools() -> None:
    assert not {"setuptools", "wheel", "pip"} & {name for name, _ in pins("locks/runtime.txt")}


def test_everything_that_is_imported_is_listed() -> None:
    required = {name for name, _ in pins("requirements.txt")}
    assert {"idna", "werkzeug", "flask", "urllib3"} <= required
