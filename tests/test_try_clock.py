"""The total clock is that of one try: fetched media and a provider's token take of it."""

import json
from collections.abc import Iterator

from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime

ANSWER = {"candidates": [{"content": {"parts": [{"text": "a cat"}]}, "finishReason": "STOP"}]}


class Reply:
    status = 200
    headers = {"content-type": "image/png"}

    def read(self) -> bytes:
        return json.dumps(ANSWER).encode()

    def blocks(self) -> Iterator[bytes]:
        yield self.read()

    def close(self) -> None: ...


class Slow:
    """Each answer takes two seconds, and each token three."""

    def __init__(self) -> None:
        self.now = 0.0
        self.totals: list[float | None] = []

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        self.totals.append(clocks.total)
        self.now += 2.0
        return Reply()

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        self.now += 3.0
        return request._replace(headers={**request.headers, "authorization": "Bearer token"})


def test_each_request_has_what_is_left_when_a_try_sends_several() -> None:
    slow = Slow()
    dispatcher = Dispatcher(slow, Runtime(monotonic=lambda: slow.now), find_provider, {}, {"google": slow})
    pictures = [{"type": "image_url", "image_url": {"url": f"http://pictures.test/{name}"}} for name in "ab"]
    document = Document.of({"model": "m", "messages": [{"role": "user", "content": pictures}]})
    connection = {"vertex_project": "p", "vertex_location": "us-central1"}
    deployment = Deployment("d", "m", "vertex_ai", "gemini-2.0-flash", connection=connection)
    call = Call("call", CHAT, "m", document)
    dispatcher.send(call, deployment, Clocks(total=10.0), lambda result: None)
    assert slow.totals == [10.0, 8.0, 3.0]
