"""With --strict a wrong routing configuration ends the start with an error that names the path."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.servers import ROOT, clean_environment, free_port

MODEL = {"model_name": "m", "litellm_params": {"model": "openai/x", "api_key": "sk-any"}}
WRONG: dict[str, dict[str, Any]] = {
    "router_settings.routing_strategy": {"router_settings": {"routing_strategy": "fastest"}},
    "router_settings.fallbacks[0].m": {"router_settings": {"fallbacks": [{"m": ["nobody"]}]}},
    "litellm_settings.default_fallbacks[0]": {"litellm_settings": {"default_fallbacks": ["nobody"]}},
    "model_list[0].litellm_params.rpm": {
        "model_list": [{**MODEL, "litellm_params": {**MODEL["litellm_params"], "rpm": "many"}}]
    },
    "router_settings.model_group_alias.a": {"router_settings": {"model_group_alias": {"a": "b", "b": "a"}}},
    "router_settings.retry_budget": {"router_settings": {"retry_budget": -0.5}},
}


def start(config: dict[str, Any], path: Path) -> "subprocess.CompletedProcess[str]":
    path.write_text(yaml.safe_dump({"model_list": [MODEL], **config}))
    return subprocess.run(
        [sys.executable, "-m", "proxy", "serve", "--strict", "--port", str(free_port()), "--config", str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
        env=clean_environment(),
    )


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, "subprocess.CompletedProcess[str]"]:
    folder = tmp_path_factory.mktemp("wrong")
    with ThreadPoolExecutor(3) as pool:
        found = pool.map(lambda place: start(WRONG[place], folder / f"{list(WRONG).index(place)}.yaml"), WRONG)
        return dict(zip(WRONG, found, strict=True))


@pytest.mark.parametrize("place", WRONG)
def test_start_ends_with_the_path_when_a_setting_is_wrong(
    ends: dict[str, "subprocess.CompletedProcess[str]"], place: str
) -> None:
    end = ends[place]
    assert end.returncode == 1
    assert "Patchbay can't start." in end.stderr
    assert f".yaml: {place}: " in end.stderr
    assert "Traceback" not in end.stderr
