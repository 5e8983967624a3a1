"""What clients' configurations keep in memory is bounded in bytes, and estimated from above."""

import gc
import tracemalloc
from typing import Any

import pytest

from proxy.domain.secrets import SecretRegistry
from proxy.domain.user_config import UserConfig
from proxy.gateway.user_routers import KEPT_BYTES, UserRouters, build_client
from proxy.runtime import Runtime


def config(number: int, models: int = 1, **more: Any) -> UserConfig:
    params = {"model": "openai/x", "api_key": f"key-number-{number}", **more}
    entries = [{"model_name": f"m{number}-{position}", "litellm_params": params} for position in range(models)]
    return UserConfig.of({"model_list": entries})


SHAPES = {
    "many models": lambda number: config(number, 150),
    "many organizations": lambda number: config(number, organization=[f"o{position}" for position in range(190)]),
    "long values": lambda number: config(number, 5, extra_body={"a": "x" * 20_000}),
    "many values": lambda number: config(number, 5, extra_body={f"k{position}": [position] for position in range(900)}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_estimate_is_not_below_what_is_kept(shape: str) -> None:
    runtime, secrets = Runtime(), SecretRegistry()
    build_client(SHAPES[shape](0), runtime, secrets)
    gc.collect()
    tracemalloc.start()
    kept = [build_client(SHAPES[shape](number), runtime, secrets) for number in range(1, 5)]
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used <= 1.2 * sum(client.size for client in kept)


def test_oldest_are_forgotten_when_they_are_too_large_together() -> None:
    runtime, secrets = Runtime(), SecretRegistry()
    routers = UserRouters(lambda given: build_client(given, runtime, secrets), runtime.monotonic)
    for number in range(60):
        routers.find(config(number, extra_body={"a": "x" * 200_000}))
    assert 0 < len(routers) < 25
    assert routers._bytes <= KEPT_BYTES
