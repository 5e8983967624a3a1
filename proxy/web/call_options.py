"""The gateway's own options of a request, in its body and in `x-litellm-*` headers."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.call import Options
from proxy.domain.deployment import is_connection_param
from proxy.domain.json_text.codec import loads
from proxy.domain.mocking import MOCK_PARAMS, TESTS
from proxy.domain.user_config import UserConfig
from proxy.errors import BadRequestError
from proxy.web.cache_control import read_cache_control
from proxy.web.end_user import session_of

_MOCKS = (*MOCK_PARAMS, *TESTS)
_MOST_RETRIES = 100
# As a WSGI environ names them.
_OWN_HEADERS = ("HTTP_X_LITELLM_", "HTTP_LANGFUSE_", "HTTP_ANTHROPIC_BETA", "HTTP_CACHE_CONTROL")


def own_headers(environ: Mapping[str, Any]) -> Mapping[str, str]:
    """Those that are for the gateway, by their names in lower case."""
    names = " ".join(environ)
    for start in _OWN_HEADERS:
        if start in names:
            break
    else:
        return {}
    return {
        name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith(_OWN_HEADERS)
    }


def read_options(body: Mapping[str, Any], headers: Mapping[str, str]) -> Options:
    """The gateway's own fields and `x-litellm-*` headers as Options; the body wins."""
    metadata = {**(body.get("litellm_metadata") or {}), **(body.get("metadata") or {}), **_metadata_headers(headers)}
    if session := session_of(metadata.get("user_id")):
        metadata.setdefault("session_id", session)
    retries = body.get("num_retries")
    if retries is None:
        wanted = _number(headers, "x-litellm-num-retries", most=_MOST_RETRIES)
        retries = None if wanted is None else int(wanted)
    return Options(
        metadata=metadata,
        tags=_tags(body, metadata, headers),
        num_retries=retries,
        timeout=_seconds(body, headers, "timeout", "request_timeout"),
        stream_timeout=_seconds(body, headers, "stream_timeout"),
        connect_timeout=_seconds(body, headers, "connect_timeout"),
        first_token_timeout=_seconds(body, headers, "first_token_timeout"),
        idle_timeout=_seconds(body, headers, "idle_timeout"),
        fallbacks=_names(body.get("fallbacks")),
        context_window_fallbacks=body.get("context_window_fallbacks"),
        content_policy_fallbacks=body.get("content_policy_fallbacks"),
        disable_fallbacks=bool(body.get("disable_fallbacks")),
        fastest_response=bool(body.get("fastest_response")),
        stream_continuation=body.get("stream_continuation"),
        drop_params=body.get("drop_params"),
        additional_drop_params=tuple(body.get("additional_drop_params") or ()),
        allowed_openai_params=tuple(body.get("allowed_openai_params") or ()),
        extra_headers=_extra_headers(body, headers),
        overrides={
            name: value
            for name, value in body.items()
            if is_connection_param(name)
            and name not in ("extra_body", "extra_headers", "headers")
            and value is not None
        },
        user_config=UserConfig.of(body["user_config"]) if body.get("user_config") is not None else None,
        mock={name: body[name] for name in _MOCKS if body.get(name)},
        cache=read_cache_control(body, headers),
        no_log=body.get("no-log") is True,
        redact_content=headers.get("x-litellm-enable-message-redaction", "").lower() == "true",
    )


def _extra_headers(body: Mapping[str, Any], headers: Mapping[str, str]) -> Mapping[str, str]:
    """The body's; features of Anthropic's that its clients ask for in a header reach it as LiteLLM's do."""
    betas = headers.get("anthropic-beta")
    return {**({"anthropic-beta": betas} if betas else {}), **(body.get("extra_headers") or {})}


def _names(fallbacks: Any) -> Any:
    return [fallbacks] if isinstance(fallbacks, str) else fallbacks


def _tags(body: Mapping[str, Any], metadata: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[str, ...]:
    tags = list(body.get("tags") or ())
    of_metadata = metadata.get("tags")
    if isinstance(of_metadata, list):
        tags.extend(tag for tag in of_metadata if isinstance(tag, str))
    tags.extend(tag.strip() for tag in headers.get("x-litellm-tags", "").split(",") if tag.strip())
    return tuple(dict.fromkeys(tags))


def _metadata_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith("langfuse-"):
            found[name.removeprefix("langfuse-").replace("-", "_")] = value
    for header, key in _METADATA_HEADERS:
        if header in headers:
            found[key] = headers[header]
    if _SPEND_HEADER in headers:
        found["spend_logs_metadata"] = _json_object(_SPEND_HEADER, headers[_SPEND_HEADER])
    return found


_SPEND_HEADER = "x-litellm-spend-logs-metadata"
_METADATA_HEADERS = (
    ("x-litellm-trace-id", "trace_id"),
    ("x-litellm-session-id", "session_id"),
    ("x-litellm-agent-id", "agent_id"),
)


def _json_object(header: str, text: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadRequestError(f"The header {header} must be a JSON object.", param=header)
    return value


def _seconds(body: Mapping[str, Any], headers: Mapping[str, str], *names: str) -> float | None:
    """A clock's limit: the body's under the first of `names` that it has, else the header's x-litellm-<first name>."""
    for name in names:
        if body.get(name) is not None:
            return float(body[name])
    return _number(headers, f"x-litellm-{names[0].replace('_', '-')}")


def _number(headers: Mapping[str, str], name: str, most: float = 1e9) -> float | None:
    value = headers.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise BadRequestError(f"The header {name} must be a number from 0 to {most:.0f}.", param=name)
    return number
