"""Providers that mean ill, in each wire format, through the real transport: an error of OpenAI's shape or a sound answer."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.hostile import (
    Recorded,
    bomb,
    chunked,
    deep,
    endless,
    event,
    frame,
    interleave,
    noise,
    recorded,
)
from tests.live.http import Answer, Stream, chat
from tests.live.raw_upstream import RawUpstream, Reply
from tests.live.servers import Server, gateway

# The format's provider, its model, and the fixtures that are its ordinary answers.
FORMATS = {
    "openai": ("gpt-4o", "chat-developer-role", "chat-stream"),
    "anthropic": ("claude-haiku-4-5", "chat-tool-call", "chat-tool-call-stream"),
    "gemini": ("gemini-2.5-flash", "chat-thinking", "chat-thinking-stream"),
    "bedrock": ("anthropic.claude-3-haiku-20240307-v1:0", "chat-max-tokens", "chat-stream"),
    "cohere": ("command-a-03-2025", "chat-plain", "chat-stream"),
    "ollama_chat": ("llama3.1", "chat-plain", "chat-thinking-stream"),
    "mistral": ("mistral-small-latest", "chat-structured", "chat-thinking-stream"),
}
HTML = b"<!DOCTYPE html><html><body><h1>nginx-internal-7</h1></body></html>"
BAD_GATEWAY = range(502, 505)
GZIP = ("content-encoding: gzip",)
# A worker may grow by this much: the largest answer that is read, a few times over.
MEGABYTES = 400


@pytest.fixture(scope="module")
def hostile() -> Iterator[RawUpstream]:
    with RawUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def server(hostile: RawUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    aws = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"{name}/{model}",
                **({**aws, "aws_bedrock_runtime_endpoint": hostile.url} if name == "bedrock" else {"api_key": "k"}),
                **({} if name == "bedrock" else {"api_base": hostile.url}),
            },
        }
        for name, (model, _, _) in FORMATS.items()
    ]
    config = {"model_list": models, "router_settings": {"num_retries": 0, "disable_cooldowns": True}}
    with gateway(config, tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture(params=FORMATS)
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def usual(provider: str) -> Recorded:
    _, whole, stream = FORMATS[provider]
    return recorded(provider, whole, stream)


def ask(server: Server, provider: str) -> Answer:
    return chat(server, {"model": provider, "messages": [{"role": "user", "content": "Hi"}]})


def stream(server: Server, provider: str) -> tuple[int, list[Any]]:
    """The status and what came: events but for [DONE], or the one error."""
    opened = Stream(server, {"model": provider, "messages": [{"role": "user", "content": "Hi"}]})
    lines = [line for line in opened if not line.startswith(":")]
    return opened.status, [json.loads(line) for line in lines if line != "[DONE]"]


def assert_bad_gateway(status: int, body: Any, hostile: RawUpstream) -> None:
    """An error of OpenAI's shape that blames the provider and shows nothing of either side's inside."""
    assert status in BAD_GATEWAY, body
    assert body["error"].keys() >= {"message", "type", "param", "code"}
    shown = json.dumps(body)
    for inside in ("Traceback", "nginx-internal", "127.0.0.1", str(hostile.server_address[1]), 'File \\"'):
        assert inside not in shown
    assert len(shown) < 6000


def whole_junk(usual: Recorded) -> dict[str, Reply]:
    half = usual.whole[: len(usual.whole) // 2]
    return {
        "truncated JSON": Reply([half]),
        "less than announced": Reply([half], headers=(f"content-length: {len(usual.whole)}",)),
        "an HTML page": Reply([HTML], "text/html"),
        "an HTML error page": Reply([HTML], "text/html", "502 Bad Gateway"),
        "nothing": Reply([b""], headers=("content-length: 0",)),
        "an empty object": Reply([b"{}"]),
        "a list": Reply([b"[]"]),
        "null": Reply([b"null"]),
        "a string": Reply([b'"nginx-internal"']),
        "noise": Reply([noise()], "application/octet-stream"),
        "deep nesting": Reply([deep()]),
        "broken gzip": Reply([noise()], headers=GZIP),
        "broken chunks": Reply([b"zz\r\n{}\r\n"], headers=("transfer-encoding: chunked",)),
        "a redirect": Reply([b""], status="302 Found", headers=("location: http://169.254.169.254/",)),
    }


def test_whole_answer_is_a_bad_gateway_when_it_is_nonsense(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded
) -> None:
    for name, reply in whole_junk(usual).items():
        hostile.reply = reply
        answer = ask(server, provider)
        assert answer.headers["content-type"] == "application/json", name
        assert_bad_gateway(answer.status, answer.json(), hostile)


def test_whole_answer_is_sound_when_only_its_label_is_wrong(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded
) -> None:
    hostile.reply = Reply([usual.whole], "text/html; charset=latin-1")
    assert ask(server, provider).json()["choices"][0]["finish_reason"]


def test_whole_answer_is_sound_or_an_error_when_parts_are_missing(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded
) -> None:
    fields = json.loads(usual.whole)
    for name in fields:
        hostile.reply = Reply([json.dumps({other: fields[other] for other in fields if other != name}).encode()])
        answer = ask(server, provider)
        if answer.status != 200:
            assert_bad_gateway(answer.status, answer.json(), hostile)
        else:
            assert isinstance(answer.json()["choices"], list)


def stream_junk(provider: str, usual: Recorded) -> dict[str, Reply]:
    half = usual.stream[: len(usual.stream) // 4]
    kind = usual.stream_type
    return {
        "an HTML page": Reply([HTML], "text/html"),
        "nothing": Reply([b""], kind),
        "noise": Reply([noise()], kind),
        "cut": Reply([half], kind),
        "less than announced": Reply([half], kind, headers=(f"content-length: {len(usual.stream)}",)),
        "no JSON": Reply([event(provider, b"{nginx-internal", "contentBlockDelta")], kind),
        "null": Reply([event(provider, None)], kind),
        "deep nesting": Reply([event(provider, deep(), "contentBlockDelta")], kind),
        "unknown events only": Reply([event(provider, {"type": "later"}, "later")] * 3, kind),
        "events without members": Reply([event(provider, {}, "contentBlockDelta")] * 3, kind),
        "an enormous frame": Reply([frame(b"{}", "x")[:4] + b"\x7f" * 32], kind),
    }


def test_stream_ends_in_an_error_when_it_is_nonsense(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded
) -> None:
    for name, reply in stream_junk(provider, usual).items():
        hostile.reply = reply
        status, events = stream(server, provider)
        assert "error" in events[-1], name
        assert_bad_gateway(status if status != 200 else 502, events[-1], hostile)


def finish_reasons(events: list[Any]) -> list[str]:
    return [choice["finish_reason"] for each in events for choice in each["choices"] if choice.get("finish_reason")]


def test_stream_is_sound_when_it_comes_in_tiny_chunks(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded
) -> None:
    hostile.reply = Reply([usual.stream], usual.stream_type)
    expected = stream(server, provider)[1]
    hostile.reply = Reply(chunked(usual.stream), usual.stream_type, headers=("transfer-encoding: chunked",))
    found = stream(server, provider)[1]
    assert len(finish_reasons(found)) == 1
    assert [choices(each) for each in found] == [choices(each) for each in expected]


def choices(chunk: Any) -> Any:
    """What a chunk says; ids that the gateway makes up differ from call to call."""
    said = json.loads(json.dumps(chunk["choices"]))
    for choice in said:
        for call in choice["delta"].get("tool_calls") or []:
            call.pop("id", None)
    return said


def test_stream_is_sound_when_there_are_events_that_nobody_knows(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded
) -> None:
    unknown = event(provider, {"type": "from_the_future", "value": [1]}, "from_the_future")
    hostile.reply = Reply(interleave(provider, usual.stream, unknown), usual.stream_type)
    status, events = stream(server, provider)
    assert (status, len(finish_reasons(events))) == (200, 1)


def floods(provider: str, usual: Recorded) -> dict[str, tuple[Iterable[bytes], tuple[str, ...]]]:
    """More than anybody wants to have in memory: 200 MB of one line, a gigabyte of zeros in a megabyte."""
    return {"an endless line": (endless(b"a", 200_000_000), ()), "a bomb": (bomb(), GZIP)}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_memory_stays_bounded_when_an_answer_has_no_end(
    server: Server, hostile: RawUpstream, provider: str, usual: Recorded, streamed: bool
) -> None:
    before = peak_memory(server)
    for name, (blocks, headers) in floods(provider, usual).items():
        hostile.reply = Reply(blocks, usual.stream_type if streamed else "application/json", headers=headers)
        if streamed:
            status, events = stream(server, provider)
            body = events[-1]
        else:
            answer = ask(server, provider)
            status, body = answer.status, answer.json()
        assert_bad_gateway(status, body, hostile)
        grown = peak_memory(server) - before
        print(f"{provider}, {name}: the worker has grown by {grown:.0f} MB")
        assert grown < MEGABYTES, name


def test_stream_is_sound_when_a_million_tiny_chunks_say_nothing(server: Server, hostile: RawUpstream) -> None:
    usual = recorded("openai", *FORMATS["openai"][1:])
    silence = chunked(b":\n" * 500_000)
    blocks = [*list(silence)[:-1], b"".join(chunked(usual.stream, 100_000))]
    hostile.reply = Reply(blocks, usual.stream_type, headers=("transfer-encoding: chunked",))
    status, events = stream(server, "openai")
    assert (status, len(finish_reasons(events))) == (200, 1)


def test_worker_is_the_same_one_when_all_that_is_over(server: Server, hostile: RawUpstream) -> None:
    """Nothing above has killed it."""
    assert "Booting worker" not in server.output() or server.output().count("Booting worker") == 1
    usual = recorded("openai", *FORMATS["openai"][1:])
    hostile.reply = Reply([usual.whole])
    assert ask(server, "openai").status == 200


def peak_memory(server: Server) -> float:
    """The most megabytes that any process of the server has held so far."""
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return max(_peak(int(process)) for process in [*listed, str(server.process.pid)])


def _peak(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
