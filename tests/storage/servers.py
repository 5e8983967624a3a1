"""A real PostgreSQL on a socket of its own, for the tests that need one."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Server(NamedTuple):
    """`process` is the server's; `folder` has its socket."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://patchbay@localhost/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        self.run("psql", "-c", f'CREATE DATABASE "{name}"', "postgres")
        return self.url(name)

    def run(self, program: str, *arguments: str) -> None:
        command = [binary(program), "-q", "-h", str(self.folder), "-U", "patchbay", *arguments]
        subprocess.run(command, check=True, capture_output=True)


def binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        pytest.skip(f"there is no PostgreSQL ({name})")
    return path


@contextmanager
def postgres() -> Iterator[Server]:
    """The server refuses to run as root: it runs as an unprivileged user."""
    folder = Path(tempfile.mkdtemp(prefix="patchbay-pg-"))
    data = folder / "data"
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    folder.chmod(0o755)
    initdb = [
        binary("initdb"),
        "-D",
        str(data),
        "-U",
        "patchbay",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    subprocess.run(initdb, check=True, capture_output=True, **user)
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    process = subprocess.Popen(
        [binary("postgres"), "-D", str(data), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
    )
    try:
        server = Server(folder, process)
        _wait(server)
        yield server
    finally:
        # A fast shutdown: SIGTERM would wait for open connections.
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server) -> None:
    for _ in range(100):
        done = subprocess.run(
            [binary("pg_isready"), "-q", "-h", str(server.folder), "-U", "patchbay", "-d", "postgres"]
        )
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("PostgreSQL did not start")
