"""POST models/{model}:generateContent and its kin, in Google's form: either spelling, a list or its only entry."""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError

from schemas.fields import Number, Shape, Text, check_object, wrong_type
from schemas.request import RequestSchema

Check = Callable[[Any], None]


class OneOrMany(Shape):
    """A filled list whose items pass `check`, or one such item alone: Google takes both for a repeated field."""

    def __init__(self, check: Check, *, filled: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self._check_item, self._filled = check, filled

    def check(self, value: Any) -> None:
        check_many(value, self._check_item, filled=self._filled)


class Checked(Shape):
    """A value with a check of its own."""

    def __init__(self, check: Check, **options: Any) -> None:
        super().__init__(**options)
        self._check = check

    def check(self, value: Any) -> None:
        self._check(value)


def check_many(value: Any, check: Check, *, filled: bool = True) -> None:
    if type(value) is dict:
        check(value)
        return
    if type(value) is not list:
        raise wrong_type(value, "an array")
    if filled and not value:
        raise ValidationError("must not be empty")
    for position, item in enumerate(value):
        try:
            check(item)
        except ValidationError as error:
            raise ValidationError({position: error.messages}) from None


def _member(value: Mapping[str, Any], *names: str) -> tuple[str, Any]:
    """The first spelling that is there, and its value."""
    return next(((name, value[name]) for name in names if value.get(name) is not None), (names[0], None))


def _within(name: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from None


def check_content(value: Any) -> None:
    """A content has parts, and a role or none."""
    check_object(value)
    role = value.get("role")
    if role is not None and type(role) is not str:
        raise ValidationError({"role": wrong_type(role, "a string").messages})
    if value.get("parts") is None:
        raise ValidationError({"parts": ["is required"]})
    _within("parts", lambda: check_many(value["parts"], check_part))


def check_instruction(value: Any) -> None:
    """A content; a text alone is taken as well."""
    if type(value) is not str:
        check_object(value)
        if value.get("parts") is not None:
            _within("parts", lambda: check_many(value["parts"], check_part, filled=False))


def check_part(value: Any) -> None:
    check_object(value)
    if value.get("text") is not None and type(value["text"]) is not str:
        raise ValidationError({"text": wrong_type(value["text"], "a string").messages})
    for names in (("inlineData", "inline_data"), ("fileData", "file_data")):
        name, found = _member(value, *names)
        if found is not None and type(found) is not dict:
            raise ValidationError({name: wrong_type(found, "an object").messages})
    for names, member in (
        (("functionCall", "function_call"), "args"),
        (("functionResponse", "function_response"), "response"),
    ):
        name, found = _member(value, *names)
        if found is not None:
            _within(name, lambda found=found, member=member: _check_named(found, member))  # type: ignore[misc]


def _check_named(value: Any, member: str) -> None:
    """A call or a response: its name is a text, its arguments or its result are an object."""
    check_object(value)
    if type(value.get("name")) is not str or not value["name"]:
        raise ValidationError({"name": ["is required" if "name" not in value else "expected a non-empty string"]})
    if value.get(member) is not None and type(value[member]) is not dict:
        raise ValidationError({member: wrong_type(value[member], "an object").messages})
    if value.get("id") is not None and type(value["id"]) is not str:
        raise ValidationError({"id": wrong_type(value["id"], "a string").messages})


def check_tool(value: Any) -> None:
    check_object(value)
    name, declared = _member(value, "functionDeclarations", "function_declarations")
    if declared is not None:
        _within(name, lambda: check_many(declared, _check_declaration, filled=False))


def _check_declaration(value: Any) -> None:
    check_object(value)
    if type(value.get("name")) is not str or not value["name"]:
        raise ValidationError({"name": ["is required" if "name" not in value else "expected a non-empty string"]})
    for name in ("parameters", "parametersJsonSchema", "parameters_json_schema"):
        if value.get(name) is not None and type(value[name]) is not dict:
            raise ValidationError({name: wrong_type(value[name], "an object").messages})


_CONFIG: Mapping[str, tuple[tuple[type, ...], str]] = {
    "temperature": ((int, float), "a number"),
    "topP": ((int, float), "a number"),
    "topK": ((int, float, str), "a number"),
    "candidateCount": ((int, float, str), "an integer"),
    "maxOutputTokens": ((int, float, str), "an integer"),
    "stopSequences": ((list,), "an array"),
    "responseMimeType": ((str,), "a string"),
    "responseSchema": ((dict,), "an object"),
    "responseJsonSchema": ((dict, bool), "an object"),
    "thinkingConfig": ((dict,), "an object"),
    "responseModalities": ((list,), "an array"),
    "speechConfig": ((dict,), "an object"),
}


def check_config(value: Any) -> None:
    check_object(value)
    for name, (kinds, expected) in _CONFIG.items():
        given, found = _member(value, name, _snake(name))
        if found is not None and type(found) not in kinds:
            raise ValidationError({given: wrong_type(found, expected).messages})


def check_tool_config(value: Any) -> None:
    check_object(value)
    name, calling = _member(value, "functionCallingConfig", "function_calling_config")
    if calling is not None and type(calling) is not dict:
        raise ValidationError({name: wrong_type(calling, "an object").messages})


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def check_generate(value: Any) -> None:
    """The whole request of generateContent, within one of countTokens."""
    check_object(value)
    if value.get("contents") is None:
        raise ValidationError({"contents": ["is required"]})
    _within("contents", lambda: check_many(value["contents"], check_content))


def check_embedding(value: Any) -> None:
    """One request of a batch."""
    check_object(value)
    if value.get("content") is None:
        raise ValidationError({"content": ["is required"]})
    _within("content", lambda: check_content(value["content"]))


class _GenerateMembers(RequestSchema):
    """Unknown members pass: they are the provider's."""

    tools = OneOrMany(check_tool, filled=False, allow_none=True)
    systemInstruction = Checked(check_instruction, allow_none=True)
    system_instruction = Checked(check_instruction, allow_none=True)
    toolConfig = Checked(check_tool_config, allow_none=True)
    tool_config = Checked(check_tool_config, allow_none=True)
    generationConfig = Checked(check_config, allow_none=True)
    generation_config = Checked(check_config, allow_none=True)
    safetySettings = OneOrMany(check_object, filled=False, allow_none=True)
    safety_settings = OneOrMany(check_object, filled=False, allow_none=True)


class GenerateContentSchema(_GenerateMembers):
    contents = OneOrMany(check_content, required=True)


class CountContentSchema(_GenerateMembers):
    """The contents, or a whole request. One of the two must be there: the view looks at that."""

    contents = OneOrMany(check_content, allow_none=True)
    generateContentRequest = Checked(check_generate, allow_none=True)
    generate_content_request = Checked(check_generate, allow_none=True)


class EmbedContentSchema(RequestSchema):
    content = Checked(check_content, required=True)
    taskType = Text(allow_none=True)
    title = Text(allow_none=True)
    outputDimensionality = Number(whole=True, minimum=1, maximum=2**20, allow_none=True)


class BatchEmbedContentsSchema(RequestSchema):
    requests = OneOrMany(check_embedding, required=True)
