"""requirements.txt is all that serving needs: what the tests' own packages bring is not there on a fresh machine."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

from tests.live.servers import ROOT

# Refuses the modules that its arguments name, then imports what a serving process does, under both worker classes.
SERVE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"not in requirements.txt: {name}")

sys.meta_path.insert(0, Refuse())
import gunicorn.workers.ggevent, gunicorn.workers.gthread, app, proxy.cli, proxy.mock.server, proxy.settings.report
app.create_app(environ={})
"""


def needed(lines: Iterator[str]) -> set[str]:
    """The distributions that these requirements bring, extras left out, with all that those bring in turn."""
    found: set[str] = set()
    for line in lines:
        name = re.split(r"[\s<>=!~;\[(]", line.strip(), maxsplit=1)[0].lower().replace("_", "-")
        if name and name not in found and "extra ==" not in line:
            try:
                more = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue  # For another platform.
            found |= {name} | needed(iter(more))
    return found


def test_serving_needs_nothing_else_when_only_requirements_are_installed() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    there = needed(line for line in lines if not line.startswith("#"))
    foreign = [
        module
        for module, owners in metadata.packages_distributions().items()
        if not there.intersection(owner.lower().replace("_", "-") for owner in owners)
    ]
    assert "flask" in there and "pytest" in foreign
    done = subprocess.run([sys.executable, "-c", SERVE, *foreign], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
