"""POST messages and messages/count_tokens, in Anthropic's form."""

from typing import Any, ClassVar

from marshmallow import ValidationError

from schemas.fields import Flag, ListOf, Number, Object, Text, check_object, check_text, wrong_type
from schemas.request import RequestSchema

_ROLES = ("user", "assistant", "system")
# Members of a block that are texts, by its type.
_TEXTS = {"text": ("text",), "tool_use": ("id", "name"), "tool_result": ("tool_use_id",)}


def check_turn(turn: Any) -> None:
    """A turn has a role, and content that is a text or a list of typed blocks."""
    if type(turn) is not dict:
        raise wrong_type(turn, "an object")
    role = turn.get("role")
    if type(role) is not str or role not in _ROLES:
        message = "is required" if "role" not in turn else f"must be one of {', '.join(_ROLES)}"
        raise ValidationError({"role": [message]})
    content = turn.get("content")
    if isinstance(content, list):
        _check_blocks("content", content)
    elif not isinstance(content, str):
        message = "is required" if "content" not in turn else _expected(content, "a string or an array")
        raise ValidationError({"content": [message]})


def _check_blocks(name: str, blocks: list[Any]) -> None:
    for position, block in enumerate(blocks):
        try:
            check_block(block)
        except ValidationError as error:
            raise ValidationError({name: {position: error.messages}}) from None


def check_block(block: Any) -> None:
    """A block has a type; of the types that every model has, what makes them one is checked."""
    if type(block) is not dict:
        raise wrong_type(block, "an object")
    kind = block.get("type")
    if type(kind) is not str:
        raise ValidationError({"type": ["is required" if "type" not in block else _expected(kind, "a string")]})
    for name in _TEXTS.get(kind, ()):
        if type(block.get(name)) is not str:
            raise ValidationError({name: ["is required" if name not in block else _expected(block[name], "a string")]})
    if kind == "tool_use" and type(block.get("input")) is not dict:
        raise ValidationError({"input": [_expected(block.get("input"), "an object")]})
    if kind in ("image", "document") and type(block.get("source")) is not dict:
        raise ValidationError({"source": [_expected(block.get("source"), "an object")]})
    content = block.get("content")
    if kind == "tool_result" and isinstance(content, list):
        _check_blocks("content", content)
    elif kind == "tool_result" and content is not None and not isinstance(content, str):
        raise ValidationError({"content": [_expected(content, "a string or an array")]})


def _expected(value: Any, expected: str) -> str:
    return str(wrong_type(value, expected).messages[0])


def check_tool(tool: Any) -> None:
    """A tool of the client's own has a name and a schema; the others are known by their type."""
    check_object(tool)
    kind = tool.get("type")
    if kind is not None and type(kind) is not str:
        raise ValidationError({"type": [_expected(kind, "a string")]})
    if kind == "mcp_toolset":
        return
    if type(tool.get("name")) is not str or not tool["name"]:
        message = "is required" if "name" not in tool else "expected a non-empty string"
        raise ValidationError({"name": [message]})
    if kind in (None, "custom") and type(tool.get("input_schema")) is not dict:
        message = "is required" if "input_schema" not in tool else _expected(tool["input_schema"], "an object")
        raise ValidationError({"input_schema": [message]})


def check_choice(choice: Any) -> None:
    """auto, any, none, or a tool by its name."""
    check_object(choice)
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        raise ValidationError({"type": ["must be one of auto, any, tool, none"]})
    if kind == "tool" and type(choice.get("name")) is not str:
        raise ValidationError({"name": ["is required"]})


def check_thinking(thinking: Any) -> None:
    check_object(thinking)
    kind = thinking.get("type")
    if type(kind) is not str:
        raise ValidationError({"type": ["is required" if "type" not in thinking else _expected(kind, "a string")]})
    budget = thinking.get("budget_tokens")
    if kind == "enabled" and (type(budget) is not int or budget < 1):
        raise ValidationError({"budget_tokens": [_expected(budget, "a positive integer")]})


def check_metadata(metadata: Any) -> None:
    check_object(metadata)
    user = metadata.get("user_id")
    if user is not None and type(user) is not str:
        raise ValidationError({"user_id": [_expected(user, "a string")]})


def check_system(system: Any) -> None:
    """A text, or a list of blocks."""
    if type(system) is list:
        for position, block in enumerate(system):
            try:
                check_block(block)
            except ValidationError as error:
                raise ValidationError({position: error.messages}) from None
    elif type(system) is not str:
        raise wrong_type(system, "a string or an array")


class _Checked(Object):
    """An object with a check of its own."""

    def __init__(self, check: Any, **options: Any) -> None:
        super().__init__(**options)
        self.sound = frozenset({type(None)} if self.allow_none else ())
        self._check = check

    def check(self, value: Any) -> None:
        self._check(value)


class CountTokensSchema(RequestSchema):
    """Unknown members pass: they are the provider's. Of `metadata` its `user_id` is; the rest is the gateway's."""

    provider_members: ClassVar[frozenset[str]] = frozenset({"metadata"})
    provider_metadata: ClassVar[frozenset[str]] = frozenset({"user_id"})

    messages = ListOf(check_turn, required=True, filled=True)
    system = _Checked(check_system, allow_none=True)
    tools = ListOf(check_tool, allow_none=True)
    tool_choice = _Checked(check_choice, allow_none=True)
    thinking = _Checked(check_thinking, allow_none=True)
    output_config = Object(allow_none=True)
    context_management = Object(allow_none=True)
    metadata = _Checked(check_metadata, allow_none=True)


class MessagesSchema(CountTokensSchema):
    max_tokens = Number(whole=True, minimum=1, maximum=2**31, required=True)
    temperature = Number(allow_none=True)
    top_p = Number(allow_none=True)
    top_k = Number(whole=True, minimum=0, maximum=2**31, allow_none=True)
    stop_sequences = ListOf(check_text, allow_none=True)
    service_tier = Text(allow_none=True)
    stream = Flag(allow_none=True)
