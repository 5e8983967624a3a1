"""What a client's messages must become before a provider that is strict about them takes them."""

from collections.abc import Mapping
from typing import Any

# Members of a message that only gateways know, so no provider is sent them.
GATEWAY_MEMBERS: dict[str, str | None] = {"thinking_blocks": None, "provider_specific_fields": None}


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
