"""The schema for editors names every setting; the README's and the examples' files agree with it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from proxy.cli import main
from proxy.settings.json_schema import build_json_schema
from schemas.settings_table import SETTINGS
from tests.live.servers import ROOT


def names_in(schema: dict[str, Any]) -> set[str]:
    found = set(schema.get("properties", {}))
    for inner in schema.get("properties", {}).values():
        found |= names_in(inner) | names_in(inner.get("items", {}))
    return found


def test_every_setting_is_in_it() -> None:
    assert {setting.name for setting in SETTINGS} <= names_in(build_json_schema())


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(main, ["schema"])
    assert done.exit_code == 0 and json.loads(done.output) == build_json_schema()


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """As much of JSON schema as the schema uses."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if "anyOf" in schema and not any(fits(value, each) for each in schema["anyOf"]):
        return False
    kind = schema.get("type")
    if kind == "null":
        return value is None
    if kind is not None and not isinstance(value, kinds[kind]):  # type: ignore[arg-type]
        return False
    if isinstance(value, dict):
        return all(fits(item, schema.get("properties", {}).get(name, {})) for name, item in value.items())
    return not isinstance(value, list) or all(fits(item, schema.get("items", {})) for item in value)


@pytest.mark.parametrize("path", sorted((ROOT / "docs/examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_fit(path: Path) -> None:
    assert fits(yaml.safe_load(path.read_text()), build_json_schema())


@pytest.mark.parametrize(
    "document", [{"model_list": 7}, {"model_list": [7]}, {"general_settings": {"max_request_size_mb": [1]}}]
)
def test_a_wrong_file_does_not_fit(document: dict[str, Any]) -> None:
    assert not fits(document, build_json_schema())
