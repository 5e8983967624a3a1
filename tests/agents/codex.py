"""Codex, as npm has it, through a live gateway: a turn, a round with a tool, errors and cut streams.

Run by `make clients-agents`; not part of the suite, for it needs npm's registry. Each model is asked natively (the Responses
API) and through chat completions, by a server that answers 404 at /responses.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.scripted_model import REPLY, TOOL_OUTPUT, ScriptedModel
from tests.live.http import wait_until
from tests.live.servers import ROOT, WORKER_CLASSES, Server, gateway

KEY = "sk-page-1234567890"
CODEX = ROOT / ".agents" / "node_modules" / ".bin" / "codex"
# Prefix of the model's name, and where its requests arrive.
UPSTREAMS = (("native", "/v1/responses"), ("chat", "/v1/chat/completions"))
FAULTS = ("good", "error-429", "cut", "event-error", "error-400")
CONFIG = """
model_provider = "patchbay"
[model_providers.patchbay]
name = "Patchbay"
base_url = "{url}/v1"
env_key = "PATCHBAY_KEY"
wire_api = "responses"
"""


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel().running() as running:
        yield running


@pytest.fixture(params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest, model: ScriptedModel, tmp_path: Path) -> Iterator[Server]:
    deployments = [
        {
            "model_name": f"{prefix}-{fault}",
            "litellm_params": {
                "model": f"openai/{prefix}-{fault}",
                "api_key": "sk-upstream",
                "api_base": f"{model.url}/v1",
            },
        }
        for prefix, _ in UPSTREAMS
        for fault in FAULTS
    ]
    config = {
        "model_list": deployments,
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    with gateway(config, tmp_path, worker_class=request.param) as running:
        yield running


def ask(server: Server, home: Path, prompt: str, model: str) -> tuple[int, str, str]:
    """(exit status, what it printed, what it reported beside)"""
    (home / ".codex").mkdir(exist_ok=True)
    (home / ".codex" / "config.toml").write_text(CONFIG.format(url=server.url))
    done = subprocess.run(
        [CODEX, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", model, prompt],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PATCHBAY_KEY": KEY}, cwd=home,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.strip(), done.stderr


def records(server: Server) -> list[str]:
    return [line for line in server.output().splitlines() if '"call_type":"aresponses"' in line]


@pytest.mark.parametrize(("prefix", "path"), UPSTREAMS)
def test_a_turn_is_answered(server: Server, model: ScriptedModel, tmp_path: Path, prefix: str, path: str) -> None:
    status, printed, _ = ask(server, tmp_path, "say hello", f"{prefix}-good")
    assert (status, printed) == (0, REPLY)
    assert [asked for asked, _, _ in model.requests if asked == path]
    # Codex leaves at response.completed: that is a success.
    assert wait_until(lambda: len(records(server)) == 1)
    assert '"status":200' in records(server)[0]


@pytest.mark.parametrize("prefix", [prefix for prefix, _ in UPSTREAMS])
def test_a_tool_runs_and_its_result_comes_back(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str
) -> None:
    status, printed, _ = ask(server, tmp_path, "TOOLTEST run it", f"{prefix}-good")
    assert status == 0
    assert printed.startswith("The tool printed:") and TOOL_OUTPUT in printed


@pytest.mark.parametrize("fault", ["error-429", "cut", "event-error"])
@pytest.mark.parametrize("prefix", [prefix for prefix, _ in UPSTREAMS])
def test_a_passing_fault_is_overcome(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str, fault: str
) -> None:
    status, printed, _ = ask(server, tmp_path, "say hello", f"{prefix}-{fault}")
    assert (status, printed) == (0, REPLY)
    assert len(model.requests) >= 2


@pytest.mark.parametrize("prefix", [prefix for prefix, _ in UPSTREAMS])
def test_a_prompt_that_is_too_long_is_understood(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str
) -> None:
    status, _, reported = ask(server, tmp_path, "say hello", f"{prefix}-error-400")
    assert status == 1
    assert "ran out of room" in reported
