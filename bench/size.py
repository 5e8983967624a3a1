"""What an installation takes on the disk, and what a start takes."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.gateways import ROOT, patchbay
from bench.rows import Bench
from bench.table import cell, facts

# What each virtual environment has before anything is installed in it.
_TOOLS = ("pip", "setuptools", "wheel")
_IMPORT = "import time; s = time.perf_counter(); import app; print(time.perf_counter() - s)"


def start(bench: Bench, say: Callable[[str], None]) -> None:
    """Cold starts: a new process each time, files in the system's cache."""
    imports = [_printed_seconds(_IMPORT) for _ in range(bench.rounds)]
    starts = []
    for _ in range(bench.rounds):
        with patchbay(bench.folder, bench.upstream) as program:
            starts.append(program.ready_after)
    say(facts("start, s", [("import of the app", cell(imports)), ("start to first answer", cell(starts))]))


def _printed_seconds(code: str) -> float:
    return float(
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )


def installation(say: Callable[[str], None]) -> None:
    """requirements.txt alone in a fresh environment. Needs a package index."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        python = environment / "bin/python"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            "requirements.txt",
        ]
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            say(f"Size of an installation: requirements.txt could not be installed: {done.stderr[-300:]}")
            return
        took = time.monotonic() - started
        (site,) = environment.glob("lib/python*/site-packages")
        bytes_, names = measure(site)
    own = sum(
        file.stat().st_size
        for part in ("proxy", "schemas")
        for file in (ROOT / part).rglob("*")
        if "__pycache__" not in file.parts
    )
    rows = [
        ("packages, without pip and setuptools", f"{len(names)}: {', '.join(names)}"),
        ("their files, compiled ones included", f"{bytes_ / 1e6:.1f} MB"),
        ("Patchbay's own files", f"{own / 1e6:.1f} MB"),
        ("installation took", f"{took:.0f} s"),
    ]
    say(facts("size of an installation", rows))


def measure(site: Path) -> tuple[int, list[str]]:
    """Bytes of all files in a folder of packages that don't belong to _TOOLS, and the names of the packages."""
    packages = sorted(path.name.split("-")[0] for path in site.glob("*.dist-info"))
    mine = [
        path
        for path in site.iterdir()
        if not path.name.startswith((*_TOOLS, "_distutils_hack", "pkg_resources", "distutils-precedence"))
    ]
    files = [file for path in mine for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files), [name for name in packages if name not in _TOOLS]
