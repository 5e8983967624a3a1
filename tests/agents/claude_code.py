"""Claude Code, as npm has it, through a live gateway: a turn, a round with a tool, errors and cut streams.

Run by `make clients-agents`; not part of the suite, for it needs npm's registry. Each model is asked natively
(Anthropic's form) and through chat completions.
"""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.scripted_model import REPLY, TOOL_OUTPUT, ScriptedModel
from tests.live.servers import ROOT, WORKER_CLASSES, Server, gateway

KEY = "sk-page-1234567890"
CLAUDE = ROOT / ".agents" / "node_modules" / ".bin" / "claude"
# Prefix of the group, provider, path of its base URL, path of the requests that reach the model.
UPSTREAMS = (("claude", "anthropic", "", "/v1/messages"), ("gpt", "openai", "/v1", "/v1/chat/completions"))
# A red square of 8 by 8.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC"
)
FAULTS = ("good", "error-429", "error-529", "error-400", "cut", "event-error")


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel().running() as running:
        yield running


@pytest.fixture(params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest, model: ScriptedModel, tmp_path: Path) -> Iterator[Server]:
    deployments = [
        {
            "model_name": f"{prefix}-{fault}",
            "litellm_params": {"model": f"{provider}/{fault}", "api_key": "sk-upstream", "api_base": model.url + path},
        }
        for prefix, provider, path, _ in UPSTREAMS
        for fault in FAULTS
    ]
    config = {
        "model_list": deployments,
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    with gateway(config, tmp_path, worker_class=request.param) as running:
        yield running


def ask(server: Server, home: Path, prompt: str, model: str) -> tuple[int, str]:
    """(exit status, what it printed)"""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_AUTH_TOKEN": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    done = subprocess.run(
        [CLAUDE, "-p", prompt, "--model", model, "--allowedTools", "Bash"],
        env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(("prefix", "path"), [(prefix, path) for prefix, _, _, path in UPSTREAMS])
def test_a_turn_is_answered(server: Server, model: ScriptedModel, tmp_path: Path, prefix: str, path: str) -> None:
    assert ask(server, tmp_path, "say hello", f"{prefix}-good") == (0, REPLY)
    assert [asked for asked, _, _ in model.requests if asked.startswith(path)]


@pytest.mark.parametrize("prefix", [prefix for prefix, *_ in UPSTREAMS])
def test_a_tool_runs_and_its_result_comes_back(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str
) -> None:
    assert ask(server, tmp_path, "TOOLTEST run it", f"{prefix}-good") == (0, f"The tool printed: {TOOL_OUTPUT}")
    assert len(model.requests) == 2


@pytest.mark.parametrize("fault", ["error-429", "error-529", "cut", "event-error"])
@pytest.mark.parametrize("prefix", [prefix for prefix, *_ in UPSTREAMS])
def test_a_passing_fault_is_overcome(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str, fault: str
) -> None:
    assert ask(server, tmp_path, "say hello", f"{prefix}-{fault}") == (0, REPLY)
    assert len(model.requests) >= 2


@pytest.mark.parametrize("prefix", [prefix for prefix, *_ in UPSTREAMS])
def test_a_prompt_that_is_too_long_is_understood(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str
) -> None:
    status, printed = ask(server, tmp_path, "say hello", f"{prefix}-error-400")
    assert status == 1
    assert "Prompt is too long" in printed and "250000" in printed


@pytest.mark.parametrize("prefix", [prefix for prefix, *_ in UPSTREAMS])
def test_a_picture_that_it_reads_reaches_the_model(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str
) -> None:
    picture = tmp_path / "red.png"
    picture.write_bytes(PNG)
    status, printed = ask(server, tmp_path, f"READTEST {picture}", f"{prefix}-good")
    assert status == 0 and printed.startswith("The tool printed:"), printed
    sent = json.dumps(model.requests[-1][2])
    assert re.search(r'"media_type": "image/|data:image/', sent), sent[-2000:]


@pytest.mark.parametrize("prefix", [prefix for prefix, *_ in UPSTREAMS])
def test_a_subagent_asks_the_model_and_its_answer_comes_back(
    server: Server, model: ScriptedModel, tmp_path: Path, prefix: str
) -> None:
    status, printed = ask(server, tmp_path, "AGENTTEST", f"{prefix}-good")
    assert status == 0 and printed.startswith("The tool printed:"), printed
    assert len(model.requests) >= 3
