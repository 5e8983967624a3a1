"""What a client's own configuration may become."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadRequestError
from proxy.routing.catalogue import Catalogue
from proxy.settings.client import load_client_config
from tests.routing.router_bench import deployment


def model(name: str = "m", **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": "openai/x", "api_key": "sk-mine-123456", **params}}


def chain(length: int) -> dict[str, Any]:
    aliases = {f"a{number}": f"a{number + 1}" for number in range(length)}
    return {"model_list": [model()], "model_group_alias": {**aliases, f"a{length}": "m"}}


@pytest.mark.parametrize(
    ("config", "param"),
    [
        (chain(1200), "user_config.model_group_alias"),
        (
            {"model_list": [model(organization=[str(n) for n in range(40_000)])]},
            "user_config.model_list[0].litellm_params.organization",
        ),
        ({"model_list": [model(organization=[str(n) for n in range(150)])] * 2}, "user_config.model_list[1]"),
        ({"model_list": [model("*", model="*")] * 5}, "user_config.model_list"),
        ({"model_list": [model()] * 201}, "user_config.model_list"),
        ({"model_list": [model()], "fallbacks": [{"m": ["m"] * 1001}]}, "user_config.fallbacks[0].m"),
    ],
)
def test_configuration_is_refused_by_name_at_once_when_it_becomes_too_much(config: dict[str, Any], param: str) -> None:
    started = time.thread_time()
    with pytest.raises(BadRequestError) as caught:
        load_client_config(config)
    assert time.thread_time() - started < 0.5
    assert str(caught.value.param).startswith(param)


def test_configuration_of_ordinary_size_is_served() -> None:
    assert len(load_client_config(chain(900)).router.model_group_alias) == 901
    assert len(load_client_config({"model_list": [model()] * 200}).deployments) == 200
    assert len(load_client_config({"model_list": [model(organization=["a", "b"])]}).deployments) == 2


def matched(pattern: str, name: str) -> tuple[str, ...] | None:
    catalogue = Catalogue([deployment("w", pattern, model="*", wildcard=True)])
    return catalogue._patterns[0].match(name)


@given(st.text("ab*", min_size=1, max_size=8).filter(lambda text: "*" in text), st.text("ab", max_size=12))
def test_pattern_matches_as_its_regular_expression_does(pattern: str, name: str) -> None:
    expected = re.fullmatch("(.*)".join(re.escape(part) for part in pattern.split("*")), name, re.DOTALL)
    assert matched(pattern, name) == (expected.groups() if expected else None)


def test_long_name_is_matched_at_once_when_a_pattern_has_many_stars() -> None:
    started = time.thread_time()
    assert matched("*a" * 200 + "b", "a" * 1000) is None
    assert time.thread_time() - started < 0.1
