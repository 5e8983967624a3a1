"""Embeddings of more inputs than a provider's request takes: several requests, one answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import EMBEDDINGS
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.errors import BadRequestError, RateLimitError
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime


class Reply:
    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self._body = json.dumps(body).encode()

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...


class Titan:
    """Embeds a text as its length; answers 429 from request number `limit` on. A request takes `seconds`."""

    def __init__(self, limit: int = 1000, seconds: float = 0.0) -> None:
        self.asked: list[Any] = []
        self.totals: list[float | None] = []
        self.now = 0.0
        self._limit, self._seconds = limit, seconds

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        self.asked.append(json.loads(request.body))
        self.totals.append(clocks.total)
        self.now += self._seconds
        if len(self.asked) > self._limit:
            return Reply(429, {"message": "Too many requests"})
        return Reply(200, {"embedding": [len(self.asked[-1]["inputText"])], "inputTextTokenCount": 3})


class Unsigned:
    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        return request


def embed(titan: Titan, given: Any, clocks: Clocks = Clocks()) -> Answer:  # noqa: B008
    connection = {"aws_region_name": "us-east-1"}
    deployment = Deployment("deployment-1", "group", "bedrock", "amazon.titan-embed-text-v2:0", connection)
    runtime = Runtime(monotonic=lambda: titan.now)
    dispatcher = Dispatcher(titan, runtime, find_provider, {}, {"aws": Unsigned()})
    call = Call("call-1", EMBEDDINGS, "group", Document.of({"input": given}))
    answer = dispatcher.send(call, deployment, clocks, lambda result: None)
    assert isinstance(answer, Answer)
    return answer


def test_every_input_has_its_vector_when_the_provider_takes_one_a_request() -> None:
    titan = Titan()
    answer = embed(titan, ["a", "bb", "ccc"])
    body = json.loads(answer.body)
    assert [request["inputText"] for request in titan.asked] == ["a", "bb", "ccc"]
    assert [(item["index"], item["embedding"]) for item in body["data"]] == [(0, [1]), (1, [2]), (2, [3])]
    assert body["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 9


@pytest.mark.parametrize("given", ["a", ["a"]])
def test_one_request_is_sent_when_there_is_one_input(given: Any) -> None:
    titan = Titan()
    assert len(json.loads(embed(titan, given).body)["data"]) == 1
    assert len(titan.asked) == 1


def test_call_fails_when_one_of_its_requests_does() -> None:
    titan = Titan(limit=1)
    with pytest.raises(RateLimitError):
        embed(titan, ["a", "b", "c"])
    assert len(titan.asked) == 2


def test_time_of_all_requests_is_that_of_one_try_when_there_are_several() -> None:
    titan = Titan(seconds=2.0)
    embed(titan, ["a", "b", "c"], Clocks(total=10.0))
    assert titan.totals == [10.0, 8.0, 6.0]


@pytest.mark.parametrize(("provider", "size"), [("cohere", 96), ("cohere_chat", 96), ("gemini", 100)])
def test_largest_batch_is_the_providers_when_it_has_a_limit(provider: str, size: int) -> None:
    found = find_provider(provider)
    assert found is not None and found.batch is not None
    assert found.batch(Deployment("deployment-1", "group", provider, "model", {})) == size


def test_call_is_refused_when_it_would_become_too_many_requests() -> None:
    titan = Titan()
    with pytest.raises(BadRequestError, match="at most 2048 texts"):
        embed(titan, ["a"] * 2049)
    assert titan.asked == []
