"""The JSON schema of the configuration file, for editors: names, kinds and help of the table of settings."""

from collections.abc import Mapping
from typing import Any

from schemas.settings_table import Section, Setting, settings_of

_TEXT = {"type": "string"}
# What a kind may be; a reference (os.environ/NAME, file//path) may stand for any value.
_KINDS: Mapping[str, list[dict[str, Any]]] = {
    "number": [{"type": "number"}],
    "positive": [{"type": "number"}],
    "seconds": [{"type": "number"}],
    "share": [{"type": "number", "minimum": 0, "maximum": 1}],
    "count": [{"type": "integer"}],
    "positive_count": [{"type": "integer"}],
    "flag": [{"type": "boolean"}],
    "flag_or_auto": [{"type": "boolean"}],
    "flag_or_path": [{"type": "boolean"}],
    "mapping": [{"type": "object"}],
    "variables": [{"type": "object"}],
    "headers": [{"type": "object"}],
    "policy": [{"type": "object"}],
    "group_policies": [{"type": "object"}],
    "aliases": [{"type": "object"}],
    "list": [{"type": "array"}],
    "callbacks": [{"type": "array"}],
    "names": [{"type": "array"}],
    "patterns": [{"type": "array"}],
    "text_or_names": [{"type": "array"}],
    "fallbacks": [{"type": "array"}],
}


def build_json_schema() -> dict[str, Any]:
    """Draft 2020-12. Unknown names are allowed, as in a file: `check` names those."""
    entry = _section("entry")
    entry["properties"] |= {"litellm_params": _section("params"), "model_info": _section("info")}
    entry["required"] = ["model_name", "litellm_params"]
    file = _section("file")
    file["properties"] |= {
        "model_list": {"type": "array", "items": entry},
        "credential_list": {"type": "array", "items": _section("credential")},
        "general_settings": _section("general"),
        "litellm_settings": _section("litellm"),
        "router_settings": _section("router"),
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Patchbay's config.yaml", **file}


def _section(section: Section) -> dict[str, Any]:
    properties = {name: _property(setting) for name, setting in settings_of(section).items()}
    return {"type": "object", "properties": properties}


def _property(setting: Setting) -> dict[str, Any]:
    about = setting.help if setting.status == "supported" else f"{setting.status}: {setting.help}"
    described: dict[str, Any] = {"description": about}
    if setting.status == "ignored":
        described["deprecated"] = True
    elif setting.kind in _KINDS:
        described["anyOf"] = [*_KINDS[setting.kind], _TEXT, {"type": "null"}]
    if isinstance(setting.default, bool | int | float | str):
        described["default"] = setting.default
    return described
