"""Whose fault an exception is that is none of the error tree's."""

import errno
from typing import Any

import orjson
import pytest

from proxy.dispatch.dispatcher import Dispatcher
from proxy.dispatch.exchange import Exchange
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.errors import BadRequestError, GatewayError, InternalServerError, LocalResourceError, UnexpectedError
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime


class Failing:
    """A transport that raises."""

    def __init__(self, exception: Exception) -> None:
        self.exception = exception

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        raise self.exception


def call(fields: dict[str, Any]) -> Call:
    return Call("call-1", CHAT, "group", Document.of({"model": "group", **fields}))


HELLO = {"messages": [{"role": "user", "content": "Hi"}]}
DEPLOYMENT = Deployment("deployment-1", "group", "anthropic", "claude-haiku-4-5", {"api_key": "key"})


def exchange(sent: bool) -> Exchange:
    made = Exchange(Failing(KeyError("x")), call(HELLO), Clocks(), lambda: 0.0)
    made.sent = sent
    return made


@pytest.mark.parametrize(
    ("exception", "sent", "kind", "blames"),
    [
        (RecursionError(), False, BadRequestError, True),
        (orjson.JSONEncodeError("Recursion limit reached"), False, BadRequestError, True),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), False, BadRequestError, True),
        (KeyError("bug"), False, UnexpectedError, False),
        (KeyError("bug"), True, InternalServerError, True),
        (MemoryError(), True, LocalResourceError, False),
        (OSError(errno.EMFILE, "Too many open files"), False, LocalResourceError, False),
    ],
)
def test_exception_becomes_the_error_of_its_cause(
    exception: Exception, sent: bool, kind: type[GatewayError], blames: bool
) -> None:
    failure = exchange(sent).failure(exception)
    assert type(failure) is kind
    assert failure.blames_deployment is blames
    assert "bug" not in failure.message


def test_error_names_the_dropped_parameters_when_the_provider_refuses() -> None:
    dispatcher = Dispatcher(Failing(GatewayError("no")), Runtime(), find_provider, {}, {}, drop_params=True)
    with pytest.raises(GatewayError) as caught:
        dispatcher.send(call({**HELLO, "logit_bias": {"1": 1}}), DEPLOYMENT, Clocks(), lambda _: None)
    assert "logit_bias" in caught.value.dropped
