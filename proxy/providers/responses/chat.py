"""Chat completions asked at /responses: for models that are served there only, or that lose something elsewhere.

https://platform.openai.com/docs/guides/migrate-to-responses
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import urlsplit

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import CHAT
from proxy.domain.wire import WireRequest
from proxy.providers.contract import Alternative, Provider
from proxy.providers.responses.chat_answer import parse_response
from proxy.providers.responses.chat_request import SUPPORTED, build_body
from proxy.providers.responses.chat_stream import open_stream
from proxy.providers.responses.endpoint import ENDPOINTS, PREFIX, Endpoint, build_wire

Need = Literal["", "reasoning_with_tools", "always"]

# https://platform.openai.com/docs/models: not at /chat/completions.
_ONLY_THERE = re.compile(
    r"(?:.*/)?(?:o[13]-pro|gpt-5(?:\.\d+)?-pro|codex-mini|gpt-5(?:\.\d+)?-codex|computer-use-preview|.*deep-research)"
)
# Chat completions take tools or an effort of these, not both.
_EITHER = re.compile(r"(?:.*/)?gpt-(?:5\.(?:[4-9]|\d\d)|[6-9])")
# Providers that serve OpenAI's models at OpenAI's own endpoints.
_OF_OPENAI = frozenset({"openai", "azure"})


def with_chat_at_responses(provider: Provider) -> Provider:
    """The provider with another way to answer chats, if it has the Responses API."""
    endpoint = ENDPOINTS.get(provider.name)
    if endpoint is None:
        return provider
    form = replace(
        provider,
        build_request=partial(_build_request, endpoint),
        parse_response=parse_response,
        open_stream=open_stream,
        operations=(CHAT,),
        supported={CHAT.name: SUPPORTED},
        native={},
        forms={},
        last_event="response.completed",
    )
    return replace(provider, alternative=Alternative(partial(find_need, provider.name), _needs_both, form))


@lru_cache(maxsize=1024)
def find_need(provider: str, model: str, mode: Any, api_base: str | None, setting: bool | None) -> Need:
    """When a deployment's chats are to be asked at /responses. `setting` is use_responses_api, `mode` that of model_info."""
    if model.startswith(PREFIX) or mode == "responses":
        return "always"
    is_openais = provider == "azure" or api_base is None or urlsplit(api_base).hostname == "api.openai.com"
    if setting is False or provider not in _OF_OPENAI or not is_openais:
        return ""
    if _ONLY_THERE.match(model):
        return "always"
    return "reasoning_with_tools" if _EITHER.match(model) else ""


def _needs_both(fields: Mapping[str, Any]) -> bool:
    effort = fields.get("reasoning_effort")
    if isinstance(effort, Mapping):
        effort = effort.get("effort")
    return bool(fields.get("tools")) and effort not in (None, "none")


def _build_request(endpoint: Endpoint, call: Call, deployment: Deployment) -> WireRequest:
    body = dumps(build_body(call.fields, endpoint.model(deployment), stream=call.stream))
    return build_wire(endpoint, call, deployment, "responses")._replace(body=body)
