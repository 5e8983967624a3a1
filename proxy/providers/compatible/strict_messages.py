"""What a client's messages must become before a provider that is strict about them takes them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from proxy.providers.compatible.refusals import Refusals

# Members of a message that only gateways use: no provider gets them.
GATEWAY_MEMBERS: dict[str, str | None] = {
    "thinking_blocks": None,
    "provider_specific_fields": None,
    "is_error": None,
}
# Between a tool's result and a user message that follows without the assistant's answer.
ACKNOWLEDGEMENT: Mapping[str, Any] = {"role": "assistant", "content": "OK."}
_ID_PREFIX = "call_"


def adapt_messages(messages: Any, roles: Mapping[str, str], members: Mapping[str, str | None]) -> Any:
    """The messages with roles and members renamed (to None: left out); the same object if there is nothing to do.

    A member is not renamed onto one that is there. What is not a list of objects is left for the provider to judge.
    """
    if not isinstance(messages, list):
        return messages
    # A conversation is long, and nearly always as it should be. (A tuple, for a role may be anything, also a list.)
    renamed, lacks_members = tuple(roles), members.keys().isdisjoint
    for message in messages:
        if type(message) is dict and (message.get("role") in renamed or not lacks_members(message)):
            return [_adapt(each, roles, members) for each in messages]
    return messages


def _adapt(message: Any, roles: Mapping[str, str], members: Mapping[str, str | None]) -> Any:
    if not isinstance(message, dict):
        return message
    role = message.get("role")
    new_role = roles.get(role, role) if isinstance(role, str) else role
    if new_role == role and members.keys().isdisjoint(message):
        return message
    adapted = {name: value for name, value in message.items() if name not in members}
    for old, new in members.items():
        if new is not None and old in message and new not in adapted:
            adapted[new] = message[old]
    return {**adapted, "role": new_role}


def without_marks(items: Any) -> Any:
    """Messages or tools without the cache marks that clients of another dialect hang on them; lists of texts as one text."""
    return [_without_marks(item) for item in items] if isinstance(items, list) else items


def _without_marks(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    plain = {name: value for name, value in item.items() if name != "cache_control"}
    content = plain.get("content")
    if isinstance(content, list):
        text = join_texts(content)
        plain["content"] = without_marks(content) if text is None else text
    if isinstance(plain.get("tool_calls"), list):
        plain["tool_calls"] = without_marks(plain["tool_calls"])
    return plain


def restrict_messages(messages: Any, refusals: Refusals) -> Any:
    """The messages without what the provider refuses; the same object if there is nothing to do."""
    if not isinstance(messages, list) or not refusals.about_messages:
        return messages
    if refusals.only_ids and not _has_calls(messages):
        return messages
    restricted = [_restrict(message, refusals) for message in messages]
    if refusals.empty_assistant:
        restricted = [message for message in restricted if not _is_empty_assistant(message)]
    if refusals.repeated_roles:
        restricted = _merge_neighbours(restricted)
    if refusals.user_after_tool:
        restricted = _acknowledge_results(restricted)
    if refusals.bare_last_assistant and restricted and _role(restricted[-1]) == "assistant":
        restricted[-1] = _mark_prefix(restricted[-1])
    unchanged = len(restricted) == len(messages) and all(map(_is_same, restricted, messages))
    return messages if unchanged else restricted


def _has_calls(messages: list[Any]) -> bool:
    for message in messages:  # noqa: SIM110  a generator costs a call for each message
        if type(message) is dict and ("tool_calls" in message or "tool_call_id" in message):
            return True
    return False


def _is_same(one: object, other: object) -> bool:
    return one is other


def _restrict(message: Any, refusals: Refusals) -> Any:
    """One message on its own."""
    if not isinstance(message, Mapping):
        return message
    changes: dict[str, Any] = {}
    content = message.get("content")
    if refusals.text_lists and isinstance(content, list) and (text := join_texts(content)) is not None:
        changes["content"] = text
    if refusals.missing_content and content is None and "content" not in message:
        changes["content"] = ""
    if refusals.unreasoned_calls is not None and message.get("tool_calls") and not message.get("reasoning_content"):
        changes["reasoning_content"] = refusals.unreasoned_calls
    if refusals.call_id_length is not None and ("tool_calls" in message or "tool_call_id" in message):
        changes.update(_rename_ids(message, refusals))
    if refusals.names is not None and "name" in message and message.get("role") not in tuple(refusals.names):
        return {name: value for name, value in {**message, **changes}.items() if name != "name"}
    return {**message, **changes} if changes else message


def join_texts(parts: list[Any]) -> str | None:
    """The text of a list that holds nothing but text parts; None for any other."""
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else part
        if not isinstance(text, str):
            return None
        texts.append(text)
    return "\n".join(texts)


def _rename_ids(message: Mapping[str, Any], refusals: Refusals) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    answered, calls = message.get("tool_call_id"), message.get("tool_calls")
    if isinstance(answered, str) and (name := rename_id(answered, refusals)) != answered:
        changes["tool_call_id"] = name
    if isinstance(calls, list):
        renamed = [_rename_call(call, refusals) for call in calls]
        if not all(map(_is_same, renamed, calls)):
            changes["tool_calls"] = renamed
    return changes


def _rename_call(call: Any, refusals: Refusals) -> Any:
    identifier = call.get("id") if isinstance(call, Mapping) else None
    if not isinstance(identifier, str) or (name := rename_id(identifier, refusals)) == identifier:
        return call
    return {**call, "id": name}


def rename_id(identifier: str, refusals: Refusals) -> str:
    """An id that the provider takes: the same for the same, so that a result still names its call."""
    length = refusals.call_id_length or 0
    fits = len(identifier) == length and identifier.isascii() and identifier.isalnum()
    if fits or (len(identifier) <= length and not refusals.exact_call_ids):
        return identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
    return (digest if refusals.exact_call_ids else _ID_PREFIX + digest)[:length]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None


def _is_empty_assistant(message: Any) -> bool:
    return _role(message) == "assistant" and not any(
        message.get(name) for name in ("content", "tool_calls", "reasoning_content", "function_call")
    )


def _acknowledge_results(messages: list[Any]) -> list[Any]:
    """With an assistant message between a tool's result and a user's or a system's message."""
    result: list[Any] = []
    for message in messages:
        if result and _role(result[-1]) == "tool" and _role(message) in ("user", "system", "developer"):
            result.append(ACKNOWLEDGEMENT)
        result.append(message)
    return result


def _mark_prefix(message: Any) -> Any:
    return message if message.get("prefix") is True or message.get("tool_calls") else {**message, "prefix": True}


def _merge_neighbours(messages: list[Any]) -> list[Any]:
    """Neighbours of one role (user or assistant) as one message; calls and their results stay as they are."""
    result: list[Any] = []
    for message in messages:
        if result and _may_join(result[-1], message):
            last = result[-1]
            result[-1] = {**last, "content": _join_contents(last.get("content"), message.get("content"))}
        else:
            result.append(message)
    return result


def _may_join(one: Any, other: Any) -> bool:
    role = _role(other)
    return role in ("user", "assistant") and role == _role(one) and not ("tool_calls" in one or "tool_calls" in other)


def _join_contents(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(text for text in (one, other) if text)
    return [*_as_parts(one), *_as_parts(other)]


def _as_parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content) if isinstance(content, list) else []
