"""The configuration: one schema for the file, for `check`, and for the `user_config` that a client sends.

Its fields come from schemas.settings_table. Names that the table does not have stay as they are (a litellm_params
key that is not LiteLLM's own is then a default request parameter); `findings` lists the effect of each name.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from marshmallow import INCLUDE, Schema, ValidationError, fields

from schemas.account_fields import Parsed
from schemas.accounts import FILE_SECTIONS, build_schema, key_fields, upper_bounds
from schemas.chat import ChatSchema
from schemas.completions import CompletionsSchema
from schemas.embeddings import EmbeddingsSchema
from schemas.kinds import CLOUDS, KINDS, is_credential_name
from schemas.litellm_params import FACTS, OWN_NAMES, PRICES, is_counted_price
from schemas.moderations import ModerationsSchema
from schemas.settings_table import Section, Status, settings_of


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
    """Of the hundred settings that an entry may have it has ten: only these are looked at, and those that must be there."""

    class Meta:
        unknown = INCLUDE

    def _deserialize(self, data: Any, **options: Any) -> Any:
        if options.get("many") or not isinstance(data, Mapping):
            return super()._deserialize(data, **options)
        every = self.load_fields
        self.load_fields = {name: field for name, field in every.items() if name in data or field.required}
        try:
            return super()._deserialize(data, **options)
        finally:
            self.load_fields = every


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
_AnyParams = _Section.from_dict(_values("params"), name="AnyParams")
_Credential = _Section.from_dict(
    _values("credential", ("credential_name",)) | {"credential_values": _nested(_AnyParams, required=True)},
    name="Credential",
)
_ROUTER_FIELDS = _values("router") | {"default_litellm_params": _nested(_AnyParams)}

_KEY_RULES = {
    "upperbound_key_generate_params": Parsed(upper_bounds),
    "default_key_generate_params": Parsed(key_fields),
}

ConfigSchema = _Section.from_dict(
    _values("file")
    | {
        "model_list": _many(_Entry),
        "credential_list": _many(_Credential),
        **{name: _many(build_schema(name, *parts)) for name, parts in FILE_SECTIONS.items()},
        "general_settings": _nested(_Section.from_dict(_values("general"), name="General")),
        "litellm_settings": _nested(_Section.from_dict(_values("litellm") | _KEY_RULES, name="LiteLLM")),
        "router_settings": _nested(_Section.from_dict(_ROUTER_FIELDS, name="Router")),
    },
    name="Config",
)
UserConfigSchema = _Section.from_dict(_ROUTER_FIELDS | {"model_list": _many(_Entry)}, name="UserConfig")


def load_config(document: Mapping[str, Any]) -> dict[str, Any]:
    """A file's content in its one form. Raise InvalidConfig. Null means: not set."""
    return _load(ConfigSchema(), document)


def load_leniently(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[ConfigProblem, ...]]:
    """What is right of a file's content, and what is wrong: wrong values, and what lacks them, are left out."""
    try:
        loaded: dict[str, Any] = _set_values(ConfigSchema().load(_without_nulls(document)))
    except ValidationError as error:
        loaded = _set_values(error.valid_data)
        return loaded, tuple(_problems("", error.messages))
    return loaded, ()


def load_user_config(document: object) -> dict[str, Any]:
    """A client's `user_config`: the names of router_settings beside a `model_list`. Raise InvalidConfig."""
    if not isinstance(document, Mapping):
        raise InvalidConfig((ConfigProblem("", "must be an object"),))
    loaded = _load(UserConfigSchema(), document)
    if not loaded.get("model_list"):
        raise InvalidConfig((ConfigProblem("model_list", "must be a list of at least one model"),))
    return loaded


class Finding(NamedTuple):
    """The effect of one name in a configuration. `doubtful`: it is probably a misspelling."""

    path: str
    status: Status
    reason: str
    doubtful: bool = False


def findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Each name in a file's content, whether or not its value is right."""
    for name, value in document.items():
        if name in _SECTIONS and isinstance(value, Mapping):
            yield from _names(_SECTIONS[name], f"{name}.", value)
        elif name in _LISTS and isinstance(value, list):
            yield from _items(name, value)
        elif name in FILE_SECTIONS and isinstance(value, list):
            yield from _account_names(name, value)
        else:
            yield from _names("file", "", {name: value})


def user_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    """The same for a client's `user_config`."""
    for name, value in document.items():
        known = name == "model_list" and isinstance(value, list)
        yield from _items(name, value) if known else _names("router", "", {name: value})


_SECTIONS: Mapping[str, Section] = {
    "general_settings": "general",
    "litellm_settings": "litellm",
    "router_settings": "router",
}
_LISTS: Mapping[str, Section] = {"model_list": "entry", "credential_list": "credential"}
# Inside an entry; other names are free there.
_FREE: Mapping[str, Section] = {"litellm_params": "params", "model_info": "info"}
_VENDORS = frozenset(
    "top_k min_p repetition_penalty thinking reasoning reasoning_effort verbosity web_search_options safety_settings "
    "modalities audio prediction store service_tier max_completion_tokens num_ctx keep_alive think seed "
    "enable_thinking chat_template_kwargs prompt_cache_key safety_identifier input_type dimensions".split()
)


def _items(name: str, items: Sequence[Any]) -> Iterator[Finding]:
    for position, item in enumerate(items):
        for inner, value in item.items() if isinstance(item, Mapping) else ():
            prefix = f"{name}[{position}]."
            if inner in _FREE and isinstance(value, Mapping):
                yield from _free_names(f"{prefix}{inner}.", value, _FREE[inner])
            else:
                yield from _names(_LISTS[name], prefix, {inner: value})


def _names(section: Section, prefix: str, names: Mapping[str, Any]) -> Iterator[Finding]:
    known = settings_of(section)
    for name in names:
        if name in known:
            yield Finding(f"{prefix}{name}", known[name].status, known[name].help)
        else:
            yield Finding(f"{prefix}{name}", "ignored", f"unknown{_advice(str(name), known)}", True)


def _account_names(name: str, items: Sequence[Any]) -> Iterator[Finding]:
    """The members of the entries of `keys`, `teams` ..."""
    known = FILE_SECTIONS[name][0]
    for position, item in enumerate(items):
        for inner in item if isinstance(item, Mapping) else ():
            path = f"{name}[{position}].{inner}"
            if inner in known:
                yield Finding(path, "supported", "as in LiteLLM's management API: see docs/keys.md")
            else:
                meant = _looks_like(str(inner), known)
                advice = f"; did you mean {meant}?" if meant else ""
                yield Finding(path, "ignored", f"unknown{advice}", True)


def _free_names(prefix: str, names: Mapping[str, Any], section: Section) -> Iterator[Finding]:
    known = settings_of(section)
    for name in names:
        if name in known:
            yield from _names(section, prefix, {name: None})
        elif section == "info":
            yield _free(prefix, name, "supported", "kept, and shown in model information", known)
        else:
            yield _param(prefix, str(name), known)


def _param(prefix: str, name: str, known: Mapping[str, Any]) -> Finding:
    """One of litellm_params without a row of its own."""
    path = f"{prefix}{name}"
    if is_counted_price(name):
        return Finding(path, "supported", "USD; the cost of a call is computed from it")
    if name in FACTS:
        return Finding(path, "supported", f"kept as model_info.{name}, which wins")
    if name in OWN_NAMES:
        what = "calls are not priced by it" if name in PRICES else "it has no effect here, and no provider gets it"
        return Finding(path, "ignored", f"a parameter of LiteLLM's own: {what}")
    if name.startswith(CLOUDS):
        return Finding(path, "supported", "a connection parameter")
    if is_credential_name(name):
        return Finding(path, "ignored", "looks like a credential of something else, so it is not sent to the provider")
    if name in _request_parameters():
        return Finding(path, "supported", "a default: sent with each request that does not set it")
    return _free(prefix, name, "unknown", "no setting has this name, so it is sent to the provider as it is", known)


def _free(prefix: str, name: str, status: Status, reason: str, known: Mapping[str, Any]) -> Finding:
    meant = _looks_like(str(name), known)
    return Finding(f"{prefix}{name}", status, f"{reason}; did you mean {meant}?" if meant else reason, bool(meant))


@lru_cache(maxsize=1)
def _request_parameters() -> frozenset[str]:
    """A provider's parameters in the schemas of request bodies, and vendors' most usual ones."""
    schemas = (ChatSchema, CompletionsSchema, EmbeddingsSchema, ModerationsSchema)
    return _VENDORS.union(*(schema().fields for schema in schemas))


def _advice(name: str, known: Mapping[str, Any]) -> str:
    """Where a name belongs that is unknown in its section, or which one was probably meant."""
    homes = [title for title, section in _SECTIONS.items() if name in settings_of(section)]
    meant = None if homes else _looks_like(name, known)
    if homes:
        return f" here; it belongs in {' or '.join(homes)}"
    return f"; did you mean {meant}?" if meant else ""


def _looks_like(name: str, known: Mapping[str, Any]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, 1, 0.85)), None)


def _load(schema: Schema, document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(_without_nulls(document))
    except ValidationError as error:
        raise InvalidConfig(tuple(_problems("", error.messages))) from None
    set_values: dict[str, Any] = _set_values(loaded)
    return set_values


def _set_values(value: Any) -> Any:
    """Without the settings whose value means that they are not set."""
    if isinstance(value, dict):
        return {name: _set_values(item) for name, item in value.items() if item is not None}
    return [_set_values(item) for item in value] if isinstance(value, list) else value


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
