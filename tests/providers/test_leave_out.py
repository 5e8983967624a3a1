"""What `additional_drop_params` leave out of a body: all paths in one walk."""

import time
from typing import Any

import pytest

from proxy.providers.parameters import leave_out


@pytest.mark.parametrize(
    ("fields", "paths", "left", "found"),
    [
        ({"a": 1, "b": 2}, ["a"], {"b": 2}, ("a",)),
        ({"a": {"b": 1, "c": 2}}, ["a.b"], {"a": {"c": 2}}, ("a.b",)),
        ({"a": [{"b": 1}, {"c": 2}]}, ["a[*].b"], {"a": [{}, {"c": 2}]}, ("a[*].b",)),
        ({"a": [1, 2, 3]}, ["a[0]", "a[2]"], {"a": [2]}, ("a[0]", "a[2]")),
        ({"a": [1, 2]}, ["a[*]"], {"a": []}, ("a[*]",)),
        ({"a": [{"b": 1, "c": 1}]}, ["a[*].b", "a[0].c"], {"a": [{}]}, ("a[*].b", "a[0].c")),
        ({"a": 1}, ["b", "a.b", "a[0]", "", "[0]", "."], {"a": 1}, ()),
        ({"a": {"b": 1}}, ["a.b", "a"], {}, ("a",)),
        ({"a": None}, ["a"], {}, ("a",)),
    ],
)
def test_paths_are_left_out(
    fields: dict[str, Any], paths: list[str], left: dict[str, Any], found: tuple[str, ...]
) -> None:
    changes, dropped, named = leave_out(fields, paths)
    assert {name: value for name, value in {**fields, **changes}.items() if name not in dropped} == left
    assert named == found


def test_body_is_walked_once_for_all_paths() -> None:
    fields = {"messages": [{"role": "user", "content": [{"type": "text"}]}] * 5000}

    def seconds(count: int) -> float:
        paths = [f"messages[*].content[*].x{number}.y" for number in range(count)]
        started = time.process_time()
        leave_out(fields, paths)
        return time.process_time() - started

    assert min(seconds(50) for _ in range(3)) < 5 * min(seconds(1) for _ in range(3)) + 0.01
