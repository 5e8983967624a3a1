"""Each of the four clocks ends a call at its time against a provider that dribbles, whoever has said the limit.

All cases run at once: they are waits. The limit that a message names tells who was listened to.
"""

import itertools
import json
import math
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests.live.http import Answer, chat
from tests.live.servers import WORKER_CLASSES, gateway
from tests.transport.upstream import Upstream, serving

PACE = 0.2
LIMITS = {"body": 0.5, "header": 1.0, "deployment": 1.5, "router": 2.0}
VOICES = tuple(LIMITS)
NEVER = 60.0
CLOCKS = ("connect_timeout", "first_token_timeout", "idle_timeout", "timeout")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
ROLE, CONTENT = (
    b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"
    for delta in ({"role": "assistant", "content": ""}, {"content": "hello"})
)
# What comes at once; a byte at a time follows, for ever.
BEGINNINGS = {
    "head": b"HTTP/1.1 200 OK\r\nx-endless: ",
    "body": b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"id": "',
    "role": HEAD + ROLE + b"data: {",
    "line": HEAD + CONTENT + b"data: {",
}
# By which message a client learns of the clock, and where it may be caught dribbling.
FAULTS = {
    "connect_timeout": ("did not accept a connection within", ("closed",)),
    "first_token_timeout": ("within", ("head", "role")),
    "idle_timeout": ("was silent for", ("line",)),
    "timeout": ("did not finish its answer within", ("head", "body", "role", "line")),
}


class Case(NamedTuple):
    clock: str
    fault: str
    voice: str

    @property
    def streamed(self) -> bool:
        return self.fault in ("role", "line") or self.clock == "first_token_timeout"


CASES = [
    Case(clock, fault, voice)
    for clock, (_, faults) in FAULTS.items()
    for fault, voice in itertools.product(faults, VOICES)
]


def dribble(upstream: Upstream, peer: socket.socket) -> None:
    model = json.loads(upstream.hear(peer).partition(b"\r\n\r\n")[2])["model"]
    peer.sendall(BEGINNINGS[model])
    while not upstream.let_go.wait(PACE):
        peer.sendall(b"x")


@pytest.fixture(scope="module")
def dribbler() -> Iterator[Upstream]:
    with serving(dribble) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full: nobody is refused, and nobody gets in."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


def config(dribbling: int, full: int) -> dict[str, Any]:
    """For each fault a deployment that names its own limits, and one that leaves them to the router."""
    ports = dict.fromkeys(BEGINNINGS, dribbling) | {"closed": full}
    own = dict.fromkeys(CLOCKS, LIMITS["deployment"])
    return {
        "model_list": [
            {
                "model_name": f"{who}-{fault}",
                "litellm_params": {
                    "model": f"openai/{fault}",
                    "api_base": f"http://127.0.0.1:{port}",
                    "api_key": "sk-operator",
                    **said,
                },
            }
            for fault, port in ports.items()
            for who, said in (("speaking", own), ("silent", {}))
        ],
        "router_settings": {
            "num_retries": 0,
            "disable_cooldowns": True,
            **dict.fromkeys(CLOCKS, LIMITS["router"]),
        },
    }


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def answers(
    request: pytest.FixtureRequest, dribbler: Upstream, full_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Case, Answer]]:
    folder = tmp_path_factory.mktemp("clocks")
    with (
        gateway(config(dribbler.port, full_port), folder, worker_class=request.param) as server,
        ThreadPoolExecutor(len(CASES)) as pool,
    ):
        yield dict(zip(CASES, pool.map(lambda case: chat(server, *asking(case)), CASES), strict=True))


def asking(case: Case) -> tuple[dict[str, Any], dict[str, str]]:
    """The case's voice and all that rank below it name a limit; the other clocks are held off by the body."""
    speaking = VOICES[VOICES.index(case.voice) :]
    body: dict[str, Any] = {clock: NEVER for clock in CLOCKS if clock != case.clock}
    headers = {}
    if "body" in speaking:
        body[case.clock] = LIMITS["body"]
    if "header" in speaking:
        headers["x-litellm-" + case.clock.replace("_", "-")] = str(LIMITS["header"])
    who = "speaking" if "deployment" in speaking else "silent"
    messages = [{"role": "user", "content": "hi"}]
    return {"model": f"{who}-{case.fault}", "messages": messages, "stream": case.streamed, **body}, headers


def error_of(answer: Answer) -> dict[str, Any]:
    text = answer.body.decode()
    if answer.status == 200:
        assert "[DONE]" not in text
        text = text.rsplit("data: ", 1)[1]
    error: dict[str, Any] = json.loads(text)["error"]
    return error


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_call_ends_by_its_clock_when_the_provider_dribbles(answers: dict[Case, Answer], case: Case) -> None:
    error = error_of(answers[case])
    words, _ = FAULTS[case.clock]
    found = re.search(rf"{words} ([0-9.]+) s", error["message"])
    assert found, error
    # A client's own timeout began before the try: what is left of it is a little less.
    assert math.ceil(float(found[1]) / 0.5) * 0.5 == LIMITS[case.voice]
    assert (error["type"], error["code"]) == ("timeout_error", "408")
    assert answers[case].status == (200 if case.fault == "line" else 408)
