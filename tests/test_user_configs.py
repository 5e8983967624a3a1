"""What is remembered of clients' own configurations, and what of it is forgotten."""

import gc
import tracemalloc
import weakref
from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from proxy.domain.secrets import SecretRegistry
from proxy.domain.user_config import UserConfig
from proxy.errors import BadRequestError
from proxy.gateway.user_routers import MOST_NAMED, UserRouter, UserRouters, build_client
from proxy.runtime import Runtime
from proxy.settings.credentials import secrets_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def config(number: int = 0, models: int = 1, **more: Any) -> UserConfig:
    params = {"model": "openai/gpt", "api_key": f"client-key-{number:06d}"}
    entries = [{"model_name": f"own-{position}", "litellm_params": params} for position in range(models)]
    return UserConfig.of({"model_list": entries, **more})


def build(secrets: SecretRegistry, clock: Clock, kept: int = 3) -> tuple[UserRouters, list[bytes]]:
    built: list[bytes] = []

    def note(given: UserConfig) -> UserRouter:
        built.append(given.digest)
        return build_client(given, Runtime(), secrets)

    return UserRouters(note, clock, kept=kept, seconds=60.0), built


def test_router_is_the_same_when_a_configuration_comes_again_in_another_order() -> None:
    clients, built = build(SecretRegistry(), Clock())
    first = clients.find(UserConfig.of({**config().values, "num_retries": 1, "timeout": 3}))
    again = clients.find(UserConfig.of({"timeout": 3, "num_retries": 1, **config().values}))
    assert first.router is again.router
    assert len(built) == 1


def test_router_is_another_when_only_the_key_differs() -> None:
    clients, _ = build(SecretRegistry(), Clock())
    assert clients.find(config(1)).router is not clients.find(config(2)).router


def test_oldest_is_forgotten_when_there_are_too_many() -> None:
    clients, built = build(SecretRegistry(), Clock(), kept=2)
    for number in (1, 2, 1, 3, 1, 2):
        clients.find(config(number))
    assert len(clients) == 2
    assert [built.index(digest) for digest in built] == [0, 1, 2, 1]


def test_configuration_is_forgotten_when_it_was_not_used_for_long() -> None:
    clock = Clock()
    clients, built = build(SecretRegistry(), clock)
    clients.find(config(1))
    clock.now = 61.0
    clients.find(config(1))
    assert len(built) == 2


def test_memory_is_bounded_when_ten_thousand_different_configurations_come() -> None:
    """The building alone would take the test ten seconds, so all of them share the parts of one."""
    secrets = SecretRegistry()
    parts = build_client(config(), Runtime(), secrets)

    def build_another(given: UserConfig) -> UserRouter:
        return replace(parts, router=copy(parts.router), mask_lease=secrets.lease(secrets_of(given.values)))

    clients = UserRouters(build_another, Clock(), kept=1000)
    for number in range(2000):
        clients.find(config(number))
    tracemalloc.start()
    for number in range(2000, 10_000):
        clients.find(config(number))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(clients) == 1000
    # What is there now came after the measurement began, what was there before is gone: a thousand entries, no more.
    assert grown < 2_000_000


def test_nothing_is_left_of_a_router_when_it_is_forgotten() -> None:
    clients, _ = build(SecretRegistry(), Clock(), kept=1)
    gone = weakref.ref(clients.find(config(1)).router)
    clients.find(config(2))
    gc.collect()
    assert gone() is None


def test_key_is_masked_when_its_configuration_is_remembered_and_when_it_is_wrong() -> None:
    secrets = SecretRegistry(passing_limit=0)
    clients, _ = build(secrets, Clock())
    clients.find(config(1))
    assert "client-key-000001" not in secrets.mask("client-key-000001")
    wrong = config(2, routing_strategy="client-key-000002")
    with pytest.raises(BadRequestError) as caught:
        clients.find(wrong)
    assert "client-key-000002" not in secrets.mask(caught.value.message)


def test_names_without_effect_are_told_once_when_a_configuration_has_them() -> None:
    more = {"redis_host": "10.0.0.1", "cache_responses": True}
    found = build_client(config(models=3, **more), Runtime(), SecretRegistry()).ignored
    assert found == ("user_config.redis_host", "user_config.cache_responses")
    entry = {"model_name": "own", "litellm_params": {"model": "openai/gpt", "configurable_clientside_auth_params": []}}
    found = build_client(UserConfig.of({"model_list": [entry, entry]}), Runtime(), SecretRegistry()).ignored
    assert found == ("user_config.model_list[].litellm_params.configurable_clientside_auth_params",)


def test_a_header_can_hold_them_when_very_many_names_have_no_effect() -> None:
    unknown = {f"unknown_{number}": 1 for number in range(1000)}
    assert len(build_client(config(**unknown), Runtime(), SecretRegistry()).ignored) == MOST_NAMED


def test_request_is_refused_when_a_pattern_has_so_many_stars_that_matching_takes_its_time() -> None:
    entry = {"model_name": "*a" * 20, "litellm_params": {"model": "openai/*", "api_key": "client-key"}}
    with pytest.raises(BadRequestError) as caught:
        build_client(UserConfig.of({"model_list": [entry]}), Runtime(), SecretRegistry())
    assert caught.value.param == "user_config.model_list[0].model_name"
