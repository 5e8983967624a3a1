"""Continuing a broken answer: by whom, how they are asked, what adds up, and where it must not be done."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.domain.answer import Chunk, Notice, StreamReply, build_chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, COMPLETIONS
from proxy.domain.router_settings import RouterSettings
from proxy.domain.usage import Usage
from proxy.errors import (
    ContentPolicyViolationError,
    GatewayError,
    ServiceUnavailableError,
    TruncatedStreamError,
)
from proxy.gateway.continuation import MOST_CONTINUATIONS, ContinuedStream, may_continue, takes_prefill
from proxy.routing.router import Router
from proxy.runtime import Runtime

BROKEN = TruncatedStreamError("cut")
FIELDS = {"messages": [{"role": "user", "content": "tell"}], "max_tokens": 1000}
TEXT = "Once upon a time there was a fox who lived by the river."


def chunk(finish: str | None = None, usage: dict[str, int] | None = None, **delta: Any) -> Chunk:
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return build_chunk({"id": "x", "created": 1, "choices": choices, **({"usage": usage} if usage else {})})


def words(text: str) -> list[Chunk]:
    return [
        *[chunk(content=piece + " ") for piece in text.split(" ")][:-1],
        chunk(content=text.rsplit(" ", maxsplit=1)[-1]),
    ]


FINISH = chunk("stop")
USAGE = chunk(usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})


class Provider:
    """Gives the scripts one after another, whoever is asked; remembers who was, and for what."""

    def __init__(self, *scripts: list[Chunk | GatewayError]) -> None:
        self._scripts = list(scripts)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[StreamReply] = []

    def send(self, call: Call, deployment: Deployment, clocks: object, settle: object) -> StreamReply:
        self.asked.append((deployment.id, dict(call.fields)))
        script = self._scripts.pop(0)
        if isinstance(script[0], GatewayError):
            raise script[0]
        reply = StreamReply(self._play(script), lambda: None, spent=lambda: Usage(10, 4, 14))
        self.replies.append(reply)
        return reply

    @staticmethod
    def _play(script: list[Chunk | GatewayError]) -> Iterator[list[Chunk]]:
        for item in script:
            if isinstance(item, GatewayError):
                raise item
            yield [item]


class Run:
    def __init__(self, provider: Provider, *models: str, fields: dict[str, Any] | None = None) -> None:
        deployments = [Deployment(str(number), "m", *model.split("/", 1)) for number, model in enumerate(models)]
        router = Router(deployments, RouterSettings(num_retries=0, disable_cooldowns=True), Runtime())
        call = Call("1", CHAT, "m", Document.of({**FIELDS, **(fields or {})}), stream=True)
        self.stream = ContinuedStream(router, call, provider.send, router.run(call, provider.send))
        self.reply = self.stream.reply()
        self.notices = 0
        self.chunks: list[dict[str, Any]] = []

    def read(self) -> "Run":
        for batch in self.reply.chunks:
            self.notices += isinstance(batch, Notice)
            self.chunks += [json.loads(one.data) for one in batch]
        return self

    @property
    def text(self) -> str:
        choices = [choice for one in self.chunks for choice in one["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


OPENAI = ("openai/a", "openai/b")


def halves(at: int) -> tuple[list[Chunk | GatewayError], list[Chunk | GatewayError]]:
    return [*words(TEXT[:at]), BROKEN], [chunk(role="assistant", content=""), *words(TEXT[at:]), FINISH, USAGE]


def test_answer_is_whole_when_another_deployment_goes_on() -> None:
    provider = Provider(*halves(30))
    run = Run(provider, *OPENAI).read()
    assert run.text == TEXT
    assert run.notices == 1
    assert len({asked[0] for asked in provider.asked}) == 2
    assert next(one["continued"] for one in run.chunks if "continued" in one) == [
        {"model": f"openai/{'ab'[int(provider.asked[1][0])]}", "after": 30}
    ]


def test_usage_is_that_of_all_parts_when_it_was_continued() -> None:
    run = Run(Provider(*halves(30)), *OPENAI).read()
    assert run.chunks[-1]["usage"] == {"prompt_tokens": 15, "completion_tokens": 6, "total_tokens": 21}
    assert run.stream.spent() == Usage(20, 8, 28)


def test_the_same_deployment_goes_on_when_there_is_no_other() -> None:
    provider = Provider(*halves(30))
    assert Run(provider, "openai/a").read().text == TEXT
    assert [asked[0] for asked in provider.asked] == ["0", "0"]


def test_model_is_told_to_begin_with_the_anchor_when_it_takes_no_prefill() -> None:
    provider = Provider(*halves(30))
    Run(provider, *OPENAI).read()
    *_, partial, instruction = provider.asked[1][1]["messages"]
    assert partial == {"role": "assistant", "content": TEXT[:30].rstrip()}
    assert json.dumps(TEXT[:30].rstrip()) in instruction["content"]


@pytest.mark.parametrize(
    ("model", "member"),
    [
        ("anthropic/claude-sonnet-4-5", {}),
        ("mistral/large", {"prefix": True}),
        ("bedrock/us.anthropic.claude-3-7-sonnet", {}),
    ],
)
def test_answer_is_the_beginning_of_the_next_when_the_model_takes_it(model: str, member: dict[str, Any]) -> None:
    provider = Provider(*halves(30))
    Run(provider, model).read()
    assert provider.asked[1][1]["messages"][-1] == {"role": "assistant", "content": TEXT[:30].rstrip(), **member}


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-5-haiku-latest", True),
        ("claude-opus-4-20250514", True),
        ("claude-opus-4-5@20251101", True),
        ("claude-opus-4-6", False),
        ("us.anthropic.claude-sonnet-4-6-v1", False),
        ("claude-sonnet-5", False),
        ("claude-fable-5-1", False),
    ],
)
def test_prefill_is_known_by_the_name_when_the_model_is_claude(model: str, takes: bool) -> None:
    call = Call("1", CHAT, "m", Document.of(FIELDS))
    assert (takes_prefill(call, Deployment("1", "m", "anthropic", model)) is not None) is takes
    thinking = Call("1", CHAT, "m", Document.of({**FIELDS, "reasoning_effort": "high"}))
    assert takes_prefill(thinking, Deployment("1", "m", "anthropic", model)) is None


def test_limit_is_what_is_left_of_it_when_a_part_was_said() -> None:
    provider = Provider(*halves(40))
    Run(provider, *OPENAI).read()
    assert provider.asked[1][1]["max_tokens"] == 990


UNPLAIN = {
    "a tool call": {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{"}}]},
    "signed thinking": {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
    "a refusal": {"refusal": "no"},
    "audio": {"audio": {"data": "x"}},
    "an image": {"images": [{"image_url": {"url": "data:"}}]},
}


@pytest.mark.parametrize("delta", UNPLAIN.values(), ids=list(UNPLAIN))
def test_failure_is_told_when_the_answer_is_more_than_text(delta: dict[str, Any]) -> None:
    provider = Provider([*words("some text"), chunk(**delta), BROKEN])
    run = Run(provider, *OPENAI)
    with pytest.raises(TruncatedStreamError):
        run.read()
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "script",
    [
        [chunk(reasoning_content="only thoughts"), BROKEN],
        [*words("finished"), FINISH, BROKEN],
        [*words("some text"), ContentPolicyViolationError("no")],
    ],
)
def test_failure_is_told_when_there_is_nothing_to_go_on_from(script: list[Chunk | GatewayError]) -> None:
    provider = Provider(script)
    with pytest.raises(GatewayError):
        Run(provider, *OPENAI).read()
    assert len(provider.asked) == 1


def test_first_failure_is_told_when_nobody_can_go_on() -> None:
    provider = Provider([*words("some text"), BROKEN], [ServiceUnavailableError("down")])
    run = Run(provider, *OPENAI)
    with pytest.raises(TruncatedStreamError, match="cut"):
        run.read()
    assert [attempt.error_class for attempt in run.reply.attempts()] == ["ServiceUnavailableError"]


def test_continuing_ends_when_it_was_done_too_often() -> None:
    provider = Provider(*[[*words("more text"), BROKEN] for _ in range(10)])
    with pytest.raises(TruncatedStreamError):
        Run(provider, *OPENAI).read()
    assert len(provider.asked) == 1 + MOST_CONTINUATIONS


def test_nothing_is_continued_when_the_stream_was_interrupted() -> None:
    provider = Provider([*words("some text"), BROKEN], *halves(30))
    run = Run(provider, *OPENAI)
    next(iter(run.reply.chunks))
    run.reply.interrupt(ServiceUnavailableError("stopped"))
    with pytest.raises(GatewayError):
        run.read()
    assert len(provider.asked) == 1


@pytest.mark.parametrize("fields", [{"n": 2}, {"response_format": {"type": "json_object"}}])
def test_answer_is_not_one_to_continue_when_it_is_not_one_text(fields: dict[str, Any]) -> None:
    assert may_continue(Call("1", CHAT, "m", Document.of(FIELDS)))
    assert not may_continue(Call("1", CHAT, "m", Document.of({**FIELDS, **fields})))
    assert not may_continue(Call("1", COMPLETIONS, "m", Document.of(FIELDS)))
