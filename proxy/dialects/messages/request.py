"""A Messages request as a chat request of OpenAI's form.

What OpenAI's form has no place for is named; server tools that only Anthropic runs are refused by their names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.dialects.messages.block import build_messages
from proxy.dialects.messages.tool import Tools, build_tools
from proxy.domain.bridged import Pivot
from proxy.domain.json_text.codec import loads
from proxy.domain.json_text.document import Document
from proxy.errors import BadRequestError

Fields = Mapping[str, Any]

# Members that mean the same under the same name.
_SAME = ("model", "max_tokens", "stream", "temperature", "top_p", "top_k")
# Members that build_pivot translates.
_TRANSLATED = frozenset(
    {
        *_SAME,
        "messages",
        "system",
        "tools",
        "tool_choice",
        "stop_sequences",
        "thinking",
        "output_config",
        "output_format",
    }
    | {"metadata", "service_tier"}
)
# Features that only Anthropic has and that change the answer: refused for other providers, not dropped.
_REFUSED = ("mcp_servers",)
_OLD_SESSION = re.compile(r"user_[0-9a-f]+_account_.*?_session_(.+)")
# A provider may go without these: they say how, not what.
_OPTIONAL = frozenset(
    {
        "reasoning_effort",
        "prompt_cache_key",
        "user",
        "service_tier",
        "parallel_tool_calls",
        "top_k",
        "temperature",
        "top_p",
    }
)
_TIERS = {"standard_only": "default"}
# Budgets of thinking tokens as efforts, the largest first (LiteLLM's thresholds). The levels are those that every model
# with efforts takes.
_EFFORTS_BY_BUDGET = ((10_000, "high"), (5_000, "medium"), (0, "low"))
_EFFORTS: Mapping[str, str] = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def build_pivot(document: Document) -> Pivot:
    """The pivot. Raise BadRequestError, naming the client's member, for what can't be asked of another provider."""
    fields = {name: value for name, value in document.fields.items() if value is not None}
    for name in _REFUSED:
        if fields.get(name):
            raise BadRequestError(f"'{name}' is not available for this model: only Anthropic's serve it.", param=name)
    tools = build_tools(fields)
    pivot: dict[str, Any] = {name: fields[name] for name in _SAME if name in fields}
    pivot["messages"] = build_messages(fields)
    if fields.get("stop_sequences"):
        pivot["stop"] = fields["stop_sequences"]
    if fields.get("service_tier") in _TIERS:
        pivot["service_tier"] = _TIERS[fields["service_tier"]]
    pivot.update(_tools(tools))
    pivot.update(_reasoning(fields))
    pivot.update(_format(fields))
    pivot.update(_user(fields))
    left_out = (*(name for name in fields if name not in _TRANSLATED), *tools.left_out)
    return Pivot(pivot, left_out, _OPTIONAL)


def _tools(tools: Tools) -> Iterator[tuple[str, Any]]:
    if tools.functions:
        yield "tools", list(tools.functions)
        if tools.choice is not None:
            yield "tool_choice", tools.choice
        if tools.parallel is not None:
            yield "parallel_tool_calls", tools.parallel
    if tools.web_search is not None:
        yield "web_search_options", tools.web_search


def _reasoning(fields: Fields) -> dict[str, Any]:
    """The effort that was asked for, in this order: for the latest turn, for the request, by the budget."""
    effort = _effort_of(fields.get("output_config"))
    for turn in reversed(fields["messages"]):
        if "output_config" in turn:
            effort = _effort_of(turn["output_config"]) or effort
            break
    thinking = fields.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind == "disabled":
        return {}
    if effort is None and isinstance(thinking, Mapping) and kind == "enabled":
        budget = thinking.get("budget_tokens")
        effort = next(name for least, name in _EFFORTS_BY_BUDGET if not isinstance(budget, int) or budget >= least)
    if effort is None and kind == "adaptive":
        effort = "medium"
    return {} if effort is None else {"reasoning_effort": effort}


def _effort_of(config: object) -> str | None:
    effort = config.get("effort") if isinstance(config, Mapping) else None
    return _EFFORTS.get(effort) if isinstance(effort, str) else None


def _format(fields: Fields) -> dict[str, Any]:
    config = fields.get("output_config")
    asked = config.get("format") if isinstance(config, Mapping) else None
    asked = asked if asked is not None else fields.get("output_format")
    if not isinstance(asked, Mapping) or asked.get("type") in (None, "text"):
        return {}
    schema = asked.get("schema")
    if asked.get("type") != "json_schema" or not isinstance(schema, Mapping):
        raise BadRequestError("The format is a json_schema with a schema.", param="output_config.format")
    wrapper = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": wrapper}}


def _user(fields: Fields) -> dict[str, Any]:
    """The customer's id. Claude Code's is a JSON object about a device and its session: the session keys the prompt cache."""
    user = read_user(fields)
    session = read_session(fields)
    named = {} if user is None else {"user": user}
    return named if session is None else {**named, "prompt_cache_key": session}


def read_user(fields: Fields) -> str | None:
    """`metadata.user_id` where it is a customer's id; None where it describes a session of Claude Code's, or is missing."""
    user = _user_id(fields)
    return None if not user or _json_object(user) is not None or _OLD_SESSION.fullmatch(user) else user


def read_session(fields: Fields) -> str | None:
    """The session of Claude Code's `metadata.user_id`, in its present or its older form."""
    user = _user_id(fields) or ""
    old = _OLD_SESSION.fullmatch(user)
    session = old[1] if old else (_json_object(user) or {}).get("session_id")
    return session if isinstance(session, str) and session else None


def _user_id(fields: Fields) -> str | None:
    metadata = fields.get("metadata")
    user = metadata.get("user_id") if isinstance(metadata, Mapping) else None
    return user if isinstance(user, str) else None


def _json_object(text: str) -> Fields | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if isinstance(value, Mapping) else None
