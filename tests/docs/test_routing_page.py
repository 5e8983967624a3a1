"""docs/routing.md: its command works and prints what the page shows."""

import shlex

import pytest
from click.testing import CliRunner

from proxy.cli import main
from tests.live.servers import ROOT

PAGE = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")


def test_simulation_prints_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = next(line for line in PAGE.splitlines() if line.startswith("python -m proxy simulate"))
    result = CliRunner().invoke(main, shlex.split(command)[3:])
    assert result.exit_code == 0, result.output
    assert f"```\n{result.output}```" in PAGE


def test_a_scenario_that_makes_no_sense_ends_with_its_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(ROOT)
    scenario = tmp_path_factory.mktemp("scenario") / "scenario.yaml"
    scenario.write_text("providers: {nobody: {errors: 1}}")
    result = CliRunner().invoke(main, ["simulate", "-c", "docs/examples/routing.yaml", "-s", str(scenario)])
    assert result.exit_code == 1
    assert "providers.nobody is unknown" in result.output
