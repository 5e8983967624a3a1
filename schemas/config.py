"""The configuration: one schema for the file, for `check`, and for the `user_config` that a client sends.

Its fields come from schemas.settings_table. Names that the table does not have stay as they are (a litellm_params
key is then a default request parameter); `unknown_names` lists the others.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from marshmallow import INCLUDE, Schema, ValidationError, fields

from schemas.kinds import KINDS
from schemas.settings_table import PREFIXES, Section, settings_of


class ConfigProblem(NamedTuple):
    """`path` is such as `model_list[2].litellm_params.rpm`; empty is the whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidConfig(ValueError):
    """All that is wrong with a configuration."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


_NO_MAPPING = "must be a mapping of names to values"


class Value(fields.Field[Any]):
    """A setting of one of the KINDS."""

    def __init__(self, kind: str, *, required: bool = False) -> None:
        super().__init__(required=required, error_messages={"required": "is missing"})
        self._parse = KINDS[kind]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return self._parse(value)


class _Section(Schema):
    class Meta:
        unknown = INCLUDE


def _values(section: Section, required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        name: Value(setting.kind, required=name in required)
        for name, setting in settings_of(section).items()
        if setting.kind in KINDS
    }


def _nested(schema: type[Schema], *, required: bool = False) -> Any:
    return fields.Nested(schema, required=required, error_messages={"required": "is missing"})


def _many(schema: type[Schema]) -> Any:
    return fields.List(fields.Nested(schema), error_messages={"invalid": "must be a list"})


_Params = _Section.from_dict(_values("params", ("model",)), name="Params")
_Info = _Section.from_dict(_values("info"), name="Info")
_Entry = _Section.from_dict(
    _values("entry", ("model_name",))
    | {"litellm_params": _nested(_Params, required=True), "model_info": _nested(_Info)},
    name="Entry",
)
_Credential = _Section.from_dict(_values("credential", ("credential_name", "credential_values")), name="Credential")
_Router = _Section.from_dict(_values("router"), name="Router")

ConfigSchema = _Section.from_dict(
    _values("file")
    | {
        "model_list": _many(_Entry),
        "credential_list": _many(_Credential),
        "general_settings": _nested(_Section.from_dict(_values("general"), name="General")),
        "litellm_settings": _nested(_Section.from_dict(_values("litellm"), name="LiteLLM")),
        "router_settings": _nested(_Router),
    },
    name="Config",
)
UserConfigSchema = _Section.from_dict(_values("router") | {"model_list": _many(_Entry)}, name="UserConfig")


def load_config(document: Mapping[str, Any]) -> dict[str, Any]:
    """A file's content in its one form. Raise InvalidConfig. Null means: not said."""
    return _load(ConfigSchema(), document)


def load_user_config(document: object) -> dict[str, Any]:
    """A client's `user_config`: the names of router_settings beside a `model_list`. Raise InvalidConfig."""
    if not isinstance(document, Mapping):
        raise InvalidConfig((ConfigProblem("", "must be an object"),))
    loaded = _load(UserConfigSchema(), document)
    if not loaded.get("model_list"):
        raise InvalidConfig((ConfigProblem("model_list", "must be a list of at least one model"),))
    return loaded


class UnknownName(NamedTuple):
    """A name that the table does not have; `meant` is one that it has and that looks like it."""

    path: str
    meant: str | None


def unknown_names(document: Mapping[str, Any]) -> Iterator[UnknownName]:
    """The names in a file's content that no setting has."""
    yield from _unknown("file", "", document)
    for section, name in _NAMED_SECTIONS:
        if isinstance(document.get(name), Mapping):
            yield from _unknown(section, f"{name}.", document[name])
    for section, name in (("entry", "model_list"), ("credential", "credential_list")):
        for position, entry in enumerate(document.get(name) or ()):
            yield from _unknown(section, f"{name}[{position}].", entry)
    for position, entry in enumerate(document.get("model_list") or ()):
        yield from _suspicious(f"model_list[{position}].litellm_params.", entry.get("litellm_params") or {})


_NAMED_SECTIONS: tuple[tuple[Section, str], ...] = tuple(
    (section, PREFIXES[section].rstrip(".")) for section in ("general", "litellm", "router")
)


def _unknown(section: Any, prefix: str, names: Mapping[str, Any]) -> Iterator[UnknownName]:
    known = settings_of(section)
    for name in names:
        if name not in known:
            yield UnknownName(f"{prefix}{name}", _looks_like(str(name), known))


def _suspicious(prefix: str, params: Mapping[str, Any]) -> Iterator[UnknownName]:
    """Default request parameters are free; those that look like a setting are probably one with a slip in it."""
    known = settings_of("params")
    for name in params:
        meant = None if name in known else _looks_like(str(name), known)
        if meant and name not in _OPENAI_NAMES:
            yield UnknownName(f"{prefix}{name}", meant)


# Names of OpenAI's own that look like one of the settings.
_OPENAI_NAMES = frozenset({"max_tokens", "service_tier"})


def _looks_like(name: str, known: Mapping[str, Any]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, 1, 0.85)), None)


def _load(schema: Schema, document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(_without_nulls(document))
    except ValidationError as error:
        raise InvalidConfig(tuple(_problems("", error.messages))) from None
    return loaded


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _problems(path: str, messages: Any) -> Iterator[ConfigProblem]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _problems(path if name == "_schema" else _step(path, name), inner)
    elif isinstance(messages, list):
        for message in messages:
            yield from _problems(path, message)
    else:
        yield ConfigProblem(path, _NO_MAPPING if messages == "Invalid input type." else messages)


def _step(path: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name
