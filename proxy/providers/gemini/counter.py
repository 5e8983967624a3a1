"""Gemini's counter of tokens for prompts in Anthropic's form: countTokens. https://ai.google.dev/api/tokens"""

from collections.abc import Mapping

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import COUNT_TOKENS
from proxy.domain.usage import token_count
from proxy.domain.wire import WireRequest
from proxy.errors import InvalidProviderResponseError
from proxy.providers.compatible.openai import JSON_HEADERS
from proxy.providers.contract import Provider
from proxy.providers.gemini.address import build_base, quote_model
from proxy.providers.gemini.body import build_body
from proxy.providers.gemini.errors import parse_error
from proxy.providers.gemini.stream import open_stream
from proxy.providers.translation.json_reading import find_object


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """The prompt translated as for an answer, in a whole request: the system prompt and tools count."""
    model = quote_model(deployment.model)
    headers = dict(JSON_HEADERS)
    if deployment.api_key:
        headers["x-goog-api-key"] = deployment.api_key
    body = {"generateContentRequest": {"model": model, **build_body(call.fields, deployment)}}
    url = f"{build_base(deployment)}/{model}:countTokens"
    return WireRequest(url=url, headers=headers, body=dumps(body), guarded=deployment.guarded)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The count in Anthropic's form."""
    total = (find_object(body) or {}).get("totalTokens")
    if total is None:
        raise InvalidProviderResponseError(f"{deployment.provider} counted nothing", provider=deployment.provider)
    return Answer(dumps({"input_tokens": token_count(total)}), headers=headers)


COUNTER = Provider(
    name="gemini",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    operations=(COUNT_TOKENS,),
    form="messages",
)
