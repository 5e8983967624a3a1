"""Good calls keep working beside a provider that sends without end or without measure, in both worker classes."""

import gzip
import itertools
import json
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from tests.live.hostile import recorded
from tests.live.http import Stream, chat
from tests.live.raw_upstream import RawUpstream, Reply
from tests.live.servers import WORKER_CLASSES, Server, gateway
from tests.live.test_hostile_providers import peak_memory

MEGABYTE = 1024 * 1024
CHUNKED = ("transfer-encoding: chunked",)
GZIP = ("content-encoding: gzip",)
SSE = "text/event-stream"
# The hostile calls that run at once, and how long all of them are waited for.
CROWD = 8
MOST_SECONDS = 40.0
# A good call beside them may take this long, and the worker may grow by so much.
SLOWEST = 2.0
MOST_MEGABYTES = 250


def endless(first: bytes, piece: bytes) -> Iterable[bytes]:
    return itertools.chain([first], itertools.repeat(piece))


def kinds() -> dict[str, tuple[Iterable[bytes], tuple[str, ...]]]:
    empty_lines = gzip.compress(b"data:\n" * (4 * MEGABYTE), 9)
    return {
        "trailers": (endless(b"2\r\n\n\n\r\n0\r\n", b"x-more: y\r\n" * 1000), CHUNKED),
        "a trailer": (endless(b"2\r\n\n\n\r\n0\r\nx-more: ", b"y" * 65536), CHUNKED),
        "a chunk extension": (endless(b"2;", b"y" * 65536), CHUNKED),
        "extensions": (endless(b"", (b"1;" + b"y" * 4000 + b"\r\n\n\r\n") * 16), CHUNKED),
        "empty data lines, packed": (endless(b"", empty_lines), GZIP),
        "empty data lines": (endless(b"", b"data:\n" * 10_000), ()),
        "a data line": (endless(b"data: ", b"y" * 65536), ()),
        "a JSON text": (endless(b"{", b"y" * 65536), ()),
        "events that nobody knows": (endless(b"", b'data: {"x": 1}\n\n' * 4000), ()),
        "comments": (endless(b"", b":\n" * 30_000), ()),
    }


@pytest.fixture(scope="module")
def hostile() -> Iterator[RawUpstream]:
    with RawUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def good() -> Iterator[RawUpstream]:
    with RawUpstream() as upstream:
        upstream.reply = Reply([recorded("openai", "chat-developer-role", "chat-stream").whole])
        yield upstream


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, hostile: RawUpstream, good: RawUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": "openai/gpt-4o", "api_key": "k", "api_base": upstream.url, "timeout": 5},
        }
        for name, upstream in (("hostile", hostile), ("good", good))
    ]
    config = {"model_list": models, "router_settings": {"num_retries": 0, "disable_cooldowns": True}}
    with gateway(config, tmp_path_factory.mktemp("beside"), request.param) as running:
        yield running


def ask(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}]}


def ask_hostile(server: Server, ends: list[object]) -> None:
    opened = Stream(server, ask("hostile"), timeout=MOST_SECONDS)
    last = [line for line in opened if not line.startswith(":")][-1]
    ends.append((opened.status, json.loads(last)))


@pytest.mark.parametrize("kind", kinds())
def test_good_calls_are_answered_when_others_have_a_hostile_provider(
    server: Server, hostile: RawUpstream, kind: str
) -> None:
    before = peak_memory(server)
    ends: list[object] = []
    hostile.reply = Reply(Repeatable(kind), SSE, headers=kinds()[kind][1])
    crowd = [threading.Thread(target=ask_hostile, args=(server, ends), daemon=True) for _ in range(CROWD)]
    for thread in crowd:
        thread.start()
    slowest, deadline = 0.0, time.monotonic() + MOST_SECONDS
    while any(thread.is_alive() for thread in crowd) and time.monotonic() < deadline:
        begun = time.monotonic()
        assert chat(server, ask("good")).status == 200
        slowest = max(slowest, time.monotonic() - begun)
    assert len(ends) == CROWD
    assert all("error" in end[1] for end in ends if isinstance(end, tuple))
    grown = peak_memory(server) - before
    print(f"{kind}: slowest {slowest:.2f} s, grown by {grown:.0f} MB")
    assert slowest < SLOWEST
    assert grown < MOST_MEGABYTES


class Repeatable:
    """The blocks of a kind, anew for each connection."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __iter__(self) -> Iterator[bytes]:
        return iter(kinds()[self._kind][0])
