"""A copy of the source in which a recipe is carried out: edit it, ask its gateway for answers, run its own tests."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.live.servers import ROOT, clean_environment

_SOURCE = ("proxy", "schemas", "app.py")
_TESTS = ("tests", "docs", "wsgi.py", "gunicorn.conf.py", "pyproject.toml", "README.md", "CONTRIBUTING.md")
# What a script finds: an application from the copy, built from `config.yaml` beside it.
_START = """
import json
from app import create_app

app = create_app()
client, parts = app.test_client(), app.extensions["patchbay"]

def chat(model="demo", **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
    return client.post("/v1/chat/completions", json=body)

found = {}
"""
_END = """
parts.close()
print(json.dumps(found))
"""


class Edit(NamedTuple):
    """`text` goes before the first line that begins with `before`; without `before` it is a new file."""

    file: str
    text: str
    before: str = ""


class CopiedTree:
    def __init__(self, folder: Path, with_tests: bool = False) -> None:
        self.folder = folder
        requirements = [path.name for path in ROOT.glob("requirements*.txt")]
        for name in [*_SOURCE, *([*_TESTS, *requirements] if with_tests else [])]:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, folder)

    def follow(self, edits: Sequence[Edit]) -> None:
        for edit in edits:
            path = self.folder / edit.file
            if not edit.before:
                assert not path.exists(), f"{edit.file} exists already"
                path.write_text(edit.text)
                continue
            before, found, after = path.read_text().partition(f"\n{edit.before}")
            assert found, f"{edit.file} has no line that begins with {edit.before!r} any more"
            path.write_text(f"{before}\n{edit.text}{found[1:]}{after}")

    def ask(self, config: str, script: str, environment: Mapping[str, str]) -> dict[str, Any]:
        """What the script puts into `found`, with the gateway of this configuration running in its process."""
        (self.folder / "config.yaml").write_text(config)
        done = self._run(["-c", f"{_START}{script}{_END}"], environment)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def check(self, suites: Sequence[str]) -> None:
        """Generate the documents, as `make docs` does, and run these of the copy's tests."""
        made = self._run(["docs/generate.py"])
        assert made.returncode == 0, made.stderr
        done = self._run(["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *suites])
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

    def _run(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        # Without bytecode: an edit within a second of the copy would not be seen.
        own = {"PYTHONPATH": os.fspath(self.folder), "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=clean_environment(own),
            capture_output=True,
            text=True,
            timeout=300,
        )
