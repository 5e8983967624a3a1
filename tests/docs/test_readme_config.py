"""The README's configuration starts whichever of its variables is missing."""

import re
from pathlib import Path

import pytest

from proxy.settings import ConfigError, load
from tests.settings.fakes import write

ROOT = Path(__file__).resolve().parents[2]
CONFIG = next(
    block
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    if "fallbacks" in block
)
VARIABLES = re.findall(r"os\.environ/(\w+)", CONFIG)
ENVIRON = {name: "https://example.com" if "BASE" in name else f"sk-value-of-{name.lower()}" for name in VARIABLES}


@pytest.mark.parametrize("unset", [name for name in VARIABLES if name != "LITELLM_MASTER_KEY"])
def test_only_what_needs_a_variable_is_out_of_service_when_it_is_not_set(tmp_path: Path, unset: str) -> None:
    path = write(tmp_path, "config.yaml", CONFIG)
    whole = load(path, ENVIRON)
    settings = load(path, {name: value for name, value in ENVIRON.items() if name != unset})
    assert len(whole.deployments) - len(settings.deployments) == 1
    assert any(unset in warning for warning in settings.warnings) and settings.out_of_service


def test_start_is_refused_when_the_master_keys_variable_is_not_set(tmp_path: Path) -> None:
    path = write(tmp_path, "config.yaml", CONFIG)
    with pytest.raises(ConfigError, match="LITELLM_MASTER_KEY is not set"):
        load(path, {name: value for name, value in ENVIRON.items() if name != "LITELLM_MASTER_KEY"})
