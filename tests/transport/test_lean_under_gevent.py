"""The same tests with gevent's sockets, threads and poll in the place of the system's, in a process of their own."""

import subprocess
import sys
from pathlib import Path

RUN = """
from gevent import monkey
monkey.patch_all()
import sys, pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/transport/test_lean.py", "tests/transport/test_readiness.py"]))
"""


def test_the_lean_adapter_behaves_the_same_when_gevent_is_patched_in() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", RUN], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
