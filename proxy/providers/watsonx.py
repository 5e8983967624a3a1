"""IBM watsonx.ai: OpenAI's chat with a model, a project and a version of its own; embeddings in its own form.

https://cloud.ibm.com/apidocs/watsonx-ai#text-chat and #text-embeddings
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.errors import ConfigurationError, ContextWindowExceededError, GatewayError, InvalidProviderResponseError
from proxy.providers.compatible.dialect import rewrite
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS, Compatible, find_base
from proxy.providers.compatible.openai import parse_response as parse_compatible
from proxy.providers.compatible.stream import CompatibleStream, prefixed
from proxy.providers.compatible.strict_messages import GATEWAY_MEMBERS, adapt_messages
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.translation.embeddings import build_embeddings, read_inputs
from proxy.providers.translation.errors import WordRules, build_error
from proxy.providers.translation.json_reading import parse_object

DEFAULT_VERSION = "2024-03-13"
SUPPORTED = frozenset(
    {
        "messages", "model", "stream", "stream_options", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
        "max_tokens", "max_completion_tokens", "n", "presence_penalty", "response_format", "seed", "stop",
        "temperature", "top_p", "tools", "tool_choice", "reasoning_effort",
    }
)  # fmt: skip
EMBEDDING_SUPPORTED = frozenset({"model", "input", "encoding_format"})
WORDS: WordRules = (
    (
        re.compile(
            r"number of input tokens .*cannot exceed|exceeds? the total tokens limit", re.IGNORECASE | re.DOTALL
        ),
        ContextWindowExceededError,
    ),
)
_DEPLOYED = "deployment/"
# Whose money it is: in the body of the client or the defaults, else in the connection.
_PLACES = ("project_id", "space_id")
_LEFT_OUT = ("model", "stream", "stream_options", "tool_choice", "input", "encoding_format", *_PLACES)


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """The API key is not sent: it buys a token first (credentials/ibm.py), unless a token is given."""
    embedding = call.operation is EMBEDDINGS
    changes = {"inputs": read_inputs(call.fields.get("input"))} if embedding else _chat(call.fields)
    changes.update(_place(call.fields, deployment))
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    headers.update(_given_token(deployment))
    document = call.document.edit({}, _LEFT_OUT).edit(changes)
    return WireRequest(build_url(call, deployment), document.to_bytes(), headers, guarded=deployment.guarded)


def build_url(call: Call, deployment: Deployment) -> str:
    """`deployment/<id>` is a model of the operator's own, in a space of its own."""
    base = find_base(deployment, deployment.provider, None)
    version = quote(str(deployment.connection.get("api_version") or DEFAULT_VERSION), safe="")
    path = "text/embeddings" if call.operation is EMBEDDINGS else "text/chat_stream" if call.stream else "text/chat"
    if deployment.model.startswith(_DEPLOYED):
        path = f"deployments/{quote(deployment.model.removeprefix(_DEPLOYED), safe='')}/{path}"
    return f"{base}/ml/v1/{path}?version={version}"


def _chat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are spelled otherwise: a choice in one word has a member of its own."""
    changes: dict[str, Any] = {
        "messages": adapt_messages(fields.get("messages"), {"developer": "system"}, GATEWAY_MEMBERS)
    }
    choice = fields.get("tool_choice")
    if choice is not None:
        changes["tool_choice_option" if isinstance(choice, str) else "tool_choice"] = choice
    return changes


def _place(fields: Mapping[str, Any], deployment: Deployment) -> dict[str, Any]:
    if deployment.model.startswith(_DEPLOYED):
        return {}
    connection = deployment.connection
    named = [(name, fields.get(name)) for name in _PLACES]
    named += [(name, connection.get(f"watsonx_{name}")) for name in _PLACES]
    for name, value in named:
        if value:
            return {"model_id": deployment.model, name: value}
    raise ConfigurationError(
        "watsonx needs a project_id or space_id: set litellm_params.project_id", provider=deployment.provider
    )


def _given_token(deployment: Deployment) -> dict[str, str]:
    token, zen = (deployment.connection.get(name) for name in ("token", "watsonx_zen_api_key"))
    if zen:
        return {"authorization": f"ZenApiKey {zen}"}
    return {"authorization": f"Bearer {token}"} if token else {}


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    if call.operation is EMBEDDINGS:
        return _parse_embedding(body, headers, call, deployment)
    return parse_compatible(body, headers, call, deployment, ROW)


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    return build_error(status, body, headers, deployment, words=WORDS)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return CompatibleStream(deployment, ROW)


def _parse_embedding(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    fields = parse_object(body, deployment)
    results = fields.get("results")
    rows = [row.get("embedding") for row in results if isinstance(row, Mapping)] if isinstance(results, list) else []
    vectors = [row for row in rows if isinstance(row, list)]
    if not vectors:
        raise InvalidProviderResponseError("watsonx answered without an embedding", provider=deployment.provider)
    tokens = fields.get("input_token_count")
    model = prefixed(fields.get("model_id"), deployment) or deployment.label
    return build_embeddings(call, model, vectors, tokens if isinstance(tokens, int) else 0, headers)


def name_model(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Answers and chunks call their model `model_id`, and may lack `object`."""
    changes = rewrite(answer)
    model = answer.get("model_id")
    if isinstance(model, str) and "model" not in answer:
        changes["model"] = f"watsonx/{model}"
    choices = answer.get("choices")
    if "object" not in answer and isinstance(choices, list):
        whole = any("message" in choice for choice in choices if isinstance(choice, Mapping))
        changes["object"] = "chat.completion" if whole else "chat.completion.chunk"
    return changes


ROW = Compatible(None, answer=name_model, chunk=name_model, words=WORDS)
PROVIDER = Provider(
    name="watsonx",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    operations=(CHAT, EMBEDDINGS),
    supported={CHAT.name: SUPPORTED, EMBEDDINGS.name: EMBEDDING_SUPPORTED},
    variables={
        "api_key": ("WATSONX_APIKEY", "WATSONX_API_KEY", "WX_API_KEY"),
        "api_base": ("WATSONX_API_BASE", "WATSONX_URL", "WX_URL", "WML_URL"),
        "token": ("WATSONX_TOKEN", "WX_TOKEN"),
        "watsonx_zen_api_key": ("WATSONX_ZENAPIKEY",),
        "watsonx_project_id": ("WATSONX_PROJECT_ID", "WX_PROJECT_ID", "PROJECT_ID"),
        "watsonx_space_id": ("WATSONX_DEPLOYMENT_SPACE_ID", "WATSONX_SPACE_ID", "WX_SPACE_ID", "SPACE_ID"),
        "watsonx_iam_url": ("WATSONX_IAM_URL",),
    },
    auth="ibm",
    needs_key=False,
)
