"""What all request bodies share: the model, the gateway's own fields, and how a body is checked.

The gateway's own fields are LiteLLM's: they steer the call and are never sent to a provider.
"""

from collections.abc import Mapping, Set
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from marshmallow import INCLUDE, Schema, ValidationError

from schemas.fields import (
    Flag,
    Headers,
    ListOf,
    Number,
    Object,
    OneOf,
    Shape,
    Text,
    check_list,
    check_object,
    check_text,
    wrong_type,
)
from schemas.litellm_params import INTERNAL, PRICES


def check_rule(value: Any) -> None:
    """Fallbacks: `{group: [names]}`, or one name instead of the list."""
    check_object(value)
    for group, targets in value.items():
        for target in targets if type(targets) is list else [targets]:
            if type(target) is not str:
                raise ValidationError({group: wrong_type(target, "a model's name, or an array of them").messages})


def check_fallback(value: Any) -> None:
    """A name, an object with a `model` and what is to be changed with it, or a rule."""
    if type(value) is str:
        return
    check_object(value)
    if "model" not in value:
        check_rule(value)
    elif type(value["model"]) is not str:
        raise ValidationError({"model": wrong_type(value["model"], "a string").messages})


# Each is a request of its own, and only a handful are ever tried.
MOST_FALLBACKS = 50
# Each path is followed through all messages.
MOST_PATHS = 50
LONGEST_PATH = 200
MOST_NAMES = 1000


def check_path(value: Any) -> None:
    """Such as `tools[*].function.strict`: short, and with few steps."""
    check_text(value)
    if len(value) > LONGEST_PATH:
        raise ValidationError(f"must have at most {LONGEST_PATH} characters")


class Fallbacks(ListOf):
    """A list of what `check_fallback` lets pass; a text alone is one name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(check_fallback, most=MOST_FALLBACKS, **options)

    def check(self, value: Any) -> None:
        if type(value) is not str:
            super().check(value)


# Of a model's name; a list of models (`"a,b"`) has names of this length each.
LONGEST_MODEL = 1000
MOST_MODELS = 64


class ModelName(Text):
    """A model's name, or several behind commas. A longer one is not repeated in the error, nor anywhere else."""

    def __init__(self, **options: Any) -> None:
        super().__init__(filled=True, **options)

    def check(self, value: Any) -> None:
        super().check(value)
        if len(value) <= LONGEST_MODEL:
            return
        if value.count(",") >= MOST_MODELS:
            raise ValidationError(f"must name at most {MOST_MODELS} models")
        if any(len(name) > LONGEST_MODEL for name in value.split(",")):
            raise ValidationError(f"must have at most {LONGEST_MODEL} characters")


class _ProviderFields(Schema):
    class Meta:
        unknown = INCLUDE

    model = ModelName(required=True)
    user = Text(allow_none=True)
    stream = Flag(allow_none=True)


class _OptionFields(_ProviderFields):
    """What steers the call: see domain.call.Options. The names here are OPTION_FIELDS."""

    metadata = Object(allow_none=True)
    litellm_metadata = Object(allow_none=True)
    tags = ListOf(check_text, most=MOST_NAMES, allow_none=True)
    num_retries = Number(whole=True, minimum=0, maximum=100, allow_none=True)
    timeout = Number(minimum=0.001, maximum=86_400, allow_none=True)
    request_timeout = Number(minimum=0.001, maximum=86_400, allow_none=True)
    stream_timeout = Number(minimum=0.001, maximum=86_400, allow_none=True)
    connect_timeout = Number(minimum=0.001, maximum=86_400, allow_none=True)
    first_token_timeout = Number(minimum=0.001, maximum=86_400, allow_none=True)
    idle_timeout = Number(minimum=0.001, maximum=86_400, allow_none=True)
    fallbacks = Fallbacks(allow_none=True)
    context_window_fallbacks = ListOf(check_rule, most=MOST_FALLBACKS, allow_none=True)
    content_policy_fallbacks = ListOf(check_rule, most=MOST_FALLBACKS, allow_none=True)
    disable_fallbacks = Flag(allow_none=True)
    fastest_response = Flag(allow_none=True)
    stream_continuation = Flag(allow_none=True)
    drop_params = Flag(allow_none=True)
    additional_drop_params = ListOf(check_path, most=MOST_PATHS, allow_none=True)
    allowed_openai_params = ListOf(check_text, most=MOST_NAMES, allow_none=True)
    extra_headers = Headers(allow_none=True)
    extra_body = Object(allow_none=True)
    user_config = Object(allow_none=True)
    mock_response = OneOf(
        check_text, check_object, check_list, expected="a text, an object or an array", allow_none=True
    )
    mock_tool_calls = ListOf(check_object, allow_none=True)
    mock_delay = Number(minimum=0, maximum=86_400, allow_none=True)
    mock_timeout = Flag(allow_none=True)
    mock_testing_fallbacks = Flag(allow_none=True)
    mock_testing_context_fallbacks = Flag(allow_none=True)
    mock_testing_content_policy_fallbacks = Flag(allow_none=True)
    mock_testing_rate_limit_error = Flag(allow_none=True)


class FileRule(NamedTuple):
    """A file of a form: at least one, at most `most`. `instead`: members that name it where the body is JSON."""

    most: int = 1
    required: bool = True
    instead: tuple[str, ...] = ()


class RequestSchema(_OptionFields):
    """A request body. Unknown members pass: they are the provider's.

    `provider_members`, of another dialect's schema: members that are the provider's although the gateway has options of
    these names. `provider_metadata`: where `metadata` is one of them, the members of it that are the provider's; the others
    are for the gateway. `files` are those of a form, by their fields' names.
    """

    provider_members: ClassVar[frozenset[str]] = frozenset()
    provider_metadata: ClassVar[frozenset[str]] = frozenset()
    files: ClassVar[Mapping[str, FileRule]] = MappingProxyType({})

    api_key = Text(filled=True, allow_none=True)
    api_base = Text(filled=True, allow_none=True)
    base_url = Text(filled=True, allow_none=True)
    api_version = Text(filled=True, allow_none=True)
    organization = Text(filled=True, allow_none=True)


# A name with a hyphen can be no attribute of a class.
OPTION_FIELDS = frozenset({*_OptionFields().fields, "no-log"} - {*_ProviderFields().fields})
# LiteLLM's without effect here: they are taken out of the provider's body and named in x-litellm-dropped-params.
_WITHOUT_EFFECT = frozenset(
    "cache caching guardrails policies priority include_fallback_errors callbacks service_callback logger_fn weights "
    "litellm_disabled_callbacks prompt_id prompt_variables litellm_trace_id litellm_session_id num_fallbacks "
    "proxy_server_request fallback_depth secret_fields".split()
)
# Never from a client: they would widen what the operator configured.
REFUSED_FIELDS = frozenset({"model_list"})
UNSUPPORTED_FIELDS = (_WITHOUT_EFFECT | INTERNAL | PRICES) - OPTION_FIELDS - REFUSED_FIELDS - {*RequestSchema().fields}


def check(schema_class: type[RequestSchema], body: dict[str, Any]) -> None:
    """Raise marshmallow's ValidationError unless `body` has the schema's shape."""
    if not REFUSED_FIELDS.isdisjoint(body):
        raise ValidationError(
            {name: ["is not allowed in a request body"] for name in REFUSED_FIELDS.intersection(body)}
        )
    shapes = _shapes(schema_class)
    if not _fits(shapes, body):
        # Only the schema names the problem and its place.
        shapes.schema.load(body)
    if isinstance(body.get("fallbacks"), list):
        _check_fallbacks(schema_class, body)


def _check_fallbacks(schema_class: type[RequestSchema], body: dict[str, Any]) -> None:
    """A fallback object is a request of its own: the body, which is checked once, with the object's members in it."""
    for position, entry in enumerate(body["fallbacks"]):
        if type(entry) is dict and "model" in entry:
            try:
                _check_members(schema_class, entry)
            except ValidationError as error:
                raise ValidationError({"fallbacks": {position: error.messages}}) from None


def _check_members(schema_class: type[RequestSchema], entry: Mapping[str, Any]) -> None:
    if not REFUSED_FIELDS.isdisjoint(entry):
        raise ValidationError(
            {name: ["is not allowed in a request body"] for name in REFUSED_FIELDS.intersection(entry)}
        )
    if entry.get("headers") is not None:
        _check_headers(entry["headers"])
    shapes = _shapes(schema_class)
    for name, value in entry.items():
        if name in shapes.by_name and name != "fallbacks":
            _check_member(shapes, name, value)


def _check_headers(headers: Any) -> None:
    try:
        Headers().check(headers)
    except ValidationError as error:
        raise ValidationError({"headers": error.messages}) from None


def _check_member(shapes: "_Shapes", name: str, value: Any) -> None:
    shape = shapes.by_name[name]
    if type(value) in shape.sound or (value is None and shape.allow_none):
        return
    if value is None:
        raise ValidationError({name: [shape.error_messages["null"]]})
    try:
        shape.check(value)
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from None


class _Shapes(NamedTuple):
    """A schema, and its fields as they are asked one by one: marshmallow's own round costs ten times as much."""

    schema: RequestSchema
    by_name: Mapping[str, Shape]
    required: Set[str]


def _fits(shapes: _Shapes, body: Mapping[str, Any]) -> bool:
    find = shapes.by_name.get
    try:
        for name, value in body.items():
            shape = find(name)
            if shape is not None and type(value) not in shape.sound:
                shape.check(value)
    except ValidationError:
        return False
    return shapes.required <= body.keys()


@lru_cache(maxsize=32)
def _shapes(schema_class: type[RequestSchema]) -> _Shapes:
    schema = schema_class()
    by_name = {name: field for name, field in schema.fields.items() if isinstance(field, Shape)}
    if len(by_name) < len(schema.fields):
        raise TypeError(
            f"{schema_class.__name__} has a field that is not one of schemas.fields: it would not be checked"
        )
    return _Shapes(schema, by_name, frozenset(name for name, field in schema.fields.items() if field.required))
