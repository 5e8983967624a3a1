"""os.environ/NAME."""

from typing import Any

import pytest

from proxy.settings.errors import ConfigError
from proxy.settings.references import Fault, resolve

ENVIRON = {"KEY": "value", "EMPTY": ""}


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("os.environ/KEY", "value"),
        ({"a": {"b": "os.environ/KEY"}}, {"a": {"b": "value"}}),
        (["os.environ/KEY", "x"], ["value", "x"]),
        ([{"a": ["os.environ/KEY"]}], [{"a": ["value"]}]),
        ("x os.environ/KEY", "x os.environ/KEY"),
        (5, 5),
        ([None, "x"], [None, "x"]),
    ],
)
def test_reference_is_replaced_when_the_variable_is_set(value: Any, resolved: Any) -> None:
    missing: list[Fault] = []
    assert resolve(value, ENVIRON, missing) == resolved
    assert not missing


@pytest.mark.parametrize(
    ("value", "resolved", "path"),
    [
        ({"a": "os.environ/NONE", "b": 1}, {"b": 1}, "a"),
        ({"a": [{"b": "os.environ/NONE"}]}, {"a": [{}]}, "a[0].b"),
        ({"a": ["os.environ/NONE", "x"]}, {"a": ["x"]}, "a[0]"),
        ({"a": "os.environ/EMPTY"}, {}, "a"),
        ({"a": ["os.environ/NONE", {"b": 1}]}, {"a": [None, {"b": 1}]}, "a[0]"),
    ],
)
def test_value_is_left_out_and_named_when_the_variable_is_not_set(value: Any, resolved: Any, path: str) -> None:
    missing: list[Fault] = []
    assert resolve(value, ENVIRON, missing) == resolved
    assert [item.path for item in missing] == [path]
    assert "is not set" in missing[0].reason


def test_value_is_left_out_when_it_asks_for_an_oidc_token() -> None:
    missing: list[Fault] = []
    assert resolve({"a": "oidc/google/x"}, {}, missing) == {}
    assert missing == [Fault("a", "oidc/ credentials are not fetched here")]


def test_document_is_refused_when_it_contains_itself() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    with pytest.raises(ConfigError, match="nested too deeply"):
        resolve(circle, {}, [])
