"""The README's examples, as they stand there, against the built-in demo."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.settings.report import check_file
from tests.clients.test_page import CLIENTS_PYTHON
from tests.live.servers import ROOT, Server, gateway

README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:4000"
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OPENAI = "".join(snippet for snippet in SNIPPETS if "openai." in snippet or "client." in snippet)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(None, tmp_path_factory.mktemp("readme")) as running:
        yield running


def test_first_curl_is_answered_when_nothing_is_configured(server: Server) -> None:
    found = re.search(r"^curl .*?[^\\]$", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    command = shlex.split(found[0].replace("\\\n", " ").replace(ADDRESS, server.url))
    done = subprocess.run([*command, "--silent", "--fail"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "short poem" in done.stdout


def test_openai_snippets_run_one_after_the_other(server: Server) -> None:
    assert "embeddings.create" in OPENAI and "AzureOpenAI" in OPENAI
    exec(compile(OPENAI.replace(ADDRESS, server.url), "README.md", "exec"), {})


@pytest.mark.parametrize(("package", "call"), [("langchain_openai", "chat.invoke('hi').content"),
                                               ("llama_index", "llm.complete('hi').text")])  # fmt: skip
def test_other_clients_snippets_run(server: Server, package: str, call: str) -> None:
    snippet = next(snippet for snippet in SNIPPETS if f"from {package}" in snippet)
    python = CLIENTS_PYTHON if CLIENTS_PYTHON.exists() else sys.executable
    code = f"{snippet.replace(ADDRESS, server.url)}\nassert {call}"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_configuration_is_served_whole(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    path = tmp_path / "config.yaml"
    path.write_text(found[1])
    names = re.findall(r"os\.environ/(\w+)", found[1])
    report = check_file(path, {name: "https://a.example" if "BASE" in name else "sk-readme" for name in names})
    assert report.serves
    assert not [line for line in report.lines if line.startswith(("error", "warning", "ignored"))]


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
