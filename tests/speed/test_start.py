"""What a deployment costs at the start and at a reload: calls, which a busy machine does not change."""

import cProfile
import pstats
from pathlib import Path

import yaml

from proxy.settings import load
from proxy.settings.files import parse_yaml

MANY = 500
# 1,372 when this was written, with libyaml; 8,000 before.
MOST_CALLS = 1500


def config(count: int) -> str:
    entries = [
        {
            "model_name": f"group-{number // 4}",
            "litellm_params": {
                "model": f"openai/gpt-4o-{number}",
                "api_key": f"sk-key-{number:06d}-abcdef",
                "api_base": f"https://host{number}.example.com/v1",
                "rpm": 100,
            },
            "model_info": {"id": f"deployment-{number}", "mode": "chat"},
        }
        for number in range(count)
    ]
    return yaml.safe_dump({"model_list": entries})


def calls_of(path: Path, count: int) -> int:
    path.write_text(config(count))
    load(path, {})
    profile = cProfile.Profile()
    profile.enable()
    load(path, {})
    profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def test_a_deployment_costs_so_many_calls(tmp_path: Path) -> None:
    few, many = calls_of(tmp_path / "few.yaml", MANY), calls_of(tmp_path / "many.yaml", 2 * MANY)
    each = (many - few) / MANY
    assert each < MOST_CALLS, each


def test_libyaml_reads_the_text() -> None:
    profile = cProfile.Profile()
    profile.enable()
    parse_yaml(config(20), "c.yaml")
    profile.disable()
    names = {name for _, _, name in pstats.Stats(profile).stats}  # type: ignore[attr-defined]
    assert "scan_plain" not in names and "compose_node" in names
