"""The same tests with gevent's sockets, threads and poll in the place of the system's, in a process of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
from gevent import monkey
monkey.patch_all()
import sys, pytest
names = ["test_lean.py", "test_readiness.py", "test_hostile.py"]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *["tests/transport/" + name for name in names]]))
"""
# A provider whose bytes are always there already: the reader never waits for its socket.
TURNS = """
from gevent import monkey
monkey.patch_all()
import gevent
from proxy.domain.wire import Clocks, WireRequest
from proxy.errors import Timeout
from proxy.runtime import Runtime
from proxy.transport.http1.connection import Connection
from proxy.transport.transport import Transport
from tests.transport.upstream import serving

BLOCK = BLOCK_OF_KIND
turns, longest, last = 0, 0.0, None

def take_turns():
    global turns, longest, last
    while True:
        now = Runtime().monotonic()
        longest = max(longest, now - (last or now))
        turns, last = turns + 1, now
        gevent.sleep(0.001)

receive = Connection.receive
begun = []

def always_ready(self, wait, tick=None):
    if not begun:
        begun.append(1)
        return receive(self, wait, tick)
    return BLOCK

Connection.receive = always_ready
other = gevent.spawn(take_turns)
gevent.sleep(0.01)

def script(upstream, peer):
    upstream.hear(peer)
    peer.sendall(b"HTTP/1.1 200 OK\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n")
    upstream.let_go.wait()

with serving(script) as upstream:
    reply = Transport(Runtime()).send(WireRequest(upstream.url, b"", {}), Clocks(total=1.0))
    turns = 0
    try:
        for block in reply.blocks():
            pass
    except Timeout:
        pass
print(turns, longest)
assert turns > 50, turns
assert longest < 0.25, longest
"""
KINDS = {"large reads": 'b"ffff\\r\\n" + b"x" * 65535 + b"\\r\\n"', "small reads": 'b"1\\r\\nx\\r\\n"'}


def test_the_lean_adapter_behaves_the_same_when_gevent_is_patched_in() -> None:
    run(RUN)


@pytest.mark.parametrize("kind", KINDS)
def test_others_get_their_turn_when_a_provider_never_pauses(kind: str) -> None:
    run(TURNS.replace("BLOCK_OF_KIND", KINDS[kind]))


def run(program: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
