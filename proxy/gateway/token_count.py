"""Counting a prompt's tokens before it is sent: asked of a provider that has a counter, without blame where it fails."""

from dataclasses import replace
from typing import NamedTuple

from proxy.domain.answer import Answer, Reply
from proxy.domain.attempt import OnResult, Result, Send
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.usage import token_count
from proxy.domain.wire import Clocks
from proxy.errors import BadRequestError, GatewayError


class TokenCount(NamedTuple):
    """`by_provider`: counted by the model's provider; else estimated. `answer` is the provider's."""

    tokens: int
    by_provider: bool
    answer: Answer | None = None


class UncountableError(BadRequestError):
    """The deployment could not count. That does not count against it, and no other is tried."""

    blames_deployment = False


def without_fallbacks(call: Call) -> Call:
    """The call for its own model only: another model counts otherwise."""
    return call._replace(options=replace(call.options, disable_fallbacks=True, num_retries=0))


def counting(send: Send) -> Send:
    """`send` with each failure as an UncountableError."""

    def count(call: Call, deployment: Deployment, clocks: Clocks, on_result: OnResult) -> Reply:
        def report(result: Result) -> None:
            on_result(result if result.error is None else result._replace(error=UncountableError(result.error.message)))

        try:
            return send(call, deployment, clocks, report)
        except GatewayError as error:
            raise UncountableError(error.message, provider=error.provider) from error

    return count


def read_count(answer: Answer) -> int:
    """Anthropic's member, or Google's."""
    fields = loads(answer.body)
    return token_count(fields.get("input_tokens", fields.get("totalTokens")))
