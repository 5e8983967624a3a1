"""The commands."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from proxy.cli import granian_command, main, serve_command
from proxy.server.litellm_flags import FLAGS, Flag
from tests.settings.fakes import entry, write

ROOT = Path(__file__).resolve().parent.parent
OPTIONS: Mapping[str, Any] = {
    "config": None,
    "model": None,
    "host": "127.0.0.1",
    "port": 4000,
    "workers": 1,
    "worker_class": "gevent",
    "threads": None,
    "log_level": None,
    "debug": False,
}


def option_of(arguments: list[str], name: str) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments else None


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({}, "--bind", "127.0.0.1:4000"),
        ({"host": "::1", "port": 5}, "--bind", "[::1]:5"),
        ({"workers": 3}, "--workers", "3"),
        ({"worker_class": "gthread"}, "--worker-class", "gthread"),
        ({"threads": 9}, "--threads", "9"),
        ({}, "--threads", None),
        ({"log_level": "error"}, "--log-level", "error"),
        ({"debug": True}, "--log-level", "debug"),
        ({}, "--config", str(ROOT / "gunicorn.conf.py")),
    ],
)
def test_option_reaches_gunicorn_when_serve_has_it(options: dict[str, Any], name: str, value: str | None) -> None:
    assert option_of(serve_command({**OPTIONS, **options}), name) == value


def variables_of(arguments: list[str]) -> list[str]:
    return [value for name, value in pairwise(arguments) if name == "--env"]


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({}, []),
        ({"config": "x.yaml"}, [f"CONFIG_FILE_PATH={Path('x.yaml').resolve()}"]),
        ({"model": "groq/x"}, ["CONFIG_FILE_PATH=", "PATCHBAY_MODEL=groq/x"]),
        ({"log_level": "error"}, ["LITELLM_LOG=ERROR"]),
    ],
)
def test_workers_are_told_when_an_option_concerns_the_gateway(options: dict[str, Any], variables: list[str]) -> None:
    assert variables_of(serve_command({**OPTIONS, **options})) == variables


def test_granian_is_told_the_same_when_it_is_the_server() -> None:
    command = granian_command({**OPTIONS, "workers": 3, "threads": 9, "model": "groq/x", "log_level": "error"})
    told = [option_of(command, name) for name in ("--host", "--port", "--workers", "--threads", "--log-level")]
    assert told == ["127.0.0.1", "4000", "3", "9", "error"]
    assert variables_of(command) == ["LITELLM_LOG=ERROR", "CONFIG_FILE_PATH=", "PATCHBAY_MODEL=groq/x"]


def test_serve_may_be_left_out_when_options_follow() -> None:
    result = CliRunner().invoke(main, ["--config", "/nowhere.yaml"])
    assert result.exit_code == 2
    assert "'/nowhere.yaml' does not exist" in result.output


def test_serve_is_refused_when_a_file_and_a_model_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", {})
    result = CliRunner().invoke(main, ["serve", "--config", str(path), "--model", "groq/x"])
    assert result.exit_code == 2
    assert "exclude each other" in result.output


def test_check_succeeds_when_every_file_can_serve(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", {"model_list": [entry("a", "mock/x")]})
    result = CliRunner().invoke(main, ["check", str(path), str(path)])
    assert result.exit_code == 0
    assert result.output.count("1 model can be served") == 2


def test_check_fails_when_one_file_cannot_serve(tmp_path: Path) -> None:
    good = write(tmp_path, "a.yaml", {"model_list": [entry("a", "mock/x")]})
    bad = write(tmp_path, "b.yaml", {"general_settings": {"master_key": "not ascii \u00fc"}})
    result = CliRunner().invoke(main, ["check", str(good), str(bad)])
    assert result.exit_code == 1
    assert f"error      {bad}: general_settings.master_key: must be ASCII" in result.output


def test_configurations_stand_side_by_side_when_they_are_simulated(tmp_path: Path) -> None:
    first = write(tmp_path, "a.yaml", {"model_list": [entry("a", "mock/x")]})
    second = write(tmp_path, "b.yaml", {"model_list": [entry("a", "mock/x"), entry("a", "mock/y")]})
    scenario = write(tmp_path, "s.yaml", {"seconds": 5, "requests_per_second": 2})
    result = CliRunner().invoke(main, ["simulate", "-c", str(first), "-c", str(second), "-s", str(scenario)])
    assert result.exit_code == 0, result.output
    assert {str(first), str(second)} <= set(result.output.split())


def test_part_is_named_when_a_scenario_is_wrong(tmp_path: Path) -> None:
    config = write(tmp_path, "a.yaml", {"model_list": [entry("a", "mock/x")]})
    scenario = write(tmp_path, "s.yaml", {"secs": 5})
    result = CliRunner().invoke(main, ["simulate", "-c", str(config), "-s", str(scenario)])
    assert result.exit_code == 1
    assert "secs" in result.output


def start(arguments: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a start that is expected to fail; the folder is not ours, so nothing is found by accident."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM_", "CONFIG_", "HOST"))}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_start_is_refused_when_others_could_reach_it_without_a_key(tmp_path: Path) -> None:
    done = start(["proxy", "--host", "0.0.0.0", "--port", "0"], tmp_path)
    assert done.returncode == 1
    assert "set general_settings.master_key or the environment variable LITELLM_MASTER_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_start_is_refused_when_plain_gunicorn_would_be_open_without_a_key() -> None:
    done = start(["gunicorn", "wsgi:app", "--bind", "0.0.0.0:0"], ROOT)
    assert done.returncode == 1
    assert "there is no master key" in done.stderr


def test_start_is_refused_in_a_line_when_the_file_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", {"router_settings": {"num_retries": "many"}})
    done = start(["proxy", "serve", "--strict", "--config", path.name, "--port", "0"], tmp_path)
    assert done.returncode == 1
    assert f"{path}: router_settings.num_retries: must be" in done.stderr
    assert "Traceback" not in done.stderr


def test_start_is_refused_when_the_one_model_has_no_provider(tmp_path: Path) -> None:
    done = start(["proxy", "--model", "bogus/x", "--port", "0"], tmp_path, CONFIG_FILE_PATH="/nowhere.yaml")
    assert done.returncode == 1
    assert "there is no provider 'bogus'" in done.stderr


def test_nothing_of_the_gateway_is_loaded_when_serve_hands_over() -> None:
    names = subprocess.run(
        [sys.executable, "-c", "import proxy.cli, sys; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True
    )
    loaded = {name for name in names.stdout.split() if name.startswith("proxy.")}
    assert loaded == {"proxy.cli", "proxy.server", "proxy.server.litellm_flags"}


def test_time_and_sockets_stay_untouched_when_gunicorns_settings_are_read() -> None:
    """The workers patch them for gevent; what had been imported before would keep the blocking ones."""
    loaded = "import runpy, sys; runpy.run_path('gunicorn.conf.py'); print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "proxy.settings" in names.stdout.split()
    assert not {"proxy.runtime", "proxy.transport", "proxy.mock.local", "requests", "urllib3"} & set(
        names.stdout.split()
    )


def test_serve_says_at_once_that_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "--port", str(port)])
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 is taken" in result.output and "--port" in result.output


def test_serve_says_why_it_cant_listen_when_the_address_is_not_this_machines() -> None:
    result = CliRunner().invoke(main, ["serve", "--host", "192.0.2.1", "--port", "4999"])
    assert result.exit_code == 1
    assert "can't listen on 192.0.2.1" in result.output


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_option_of_litellms_is_taken_or_named(
    flag: Flag, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("proxy.cli.os.execv", lambda program, command: started.append(command))
    result = CliRunner().invoke(main, ["--port", "0", f"--{flag.name}", *(["7"] if flag.takes_value else [])])
    if flag.effect == "refused":
        assert result.exit_code == 2 and not started
        assert f"--{flag.name} is not taken here" in result.output
        return
    assert result.exit_code == 0, result.output
    if flag.effect == "gunicorn":
        assert option_of(started[0], flag.target) == "7"
    assert (f"--{flag.name} has no effect" in result.output) == (flag.effect == "none")


def test_strict_mode_reaches_the_workers_when_it_is_asked_for() -> None:
    assert "PATCHBAY_STRICT=true" in serve_command({**OPTIONS, "strict": True})
    assert "PATCHBAY_STRICT=true" not in serve_command(OPTIONS)


@pytest.mark.parametrize(
    "document",
    [
        {"litellm_settings": {"callbacks": ["langfuse"]}},
        {"litellm_settings": {"callbacks": ["generic_api"]}},
        {"router_settings": {"redis_url": "nonsense://x"}},
        {"router_settings": {"state_path": str(ROOT / "README.md")}},
        {"general_settings": {"custom_auth": "auth.check"}},
    ],
)
def test_check_and_serve_agree_when_only_building_shows_what_is_wrong(tmp_path: Path, document: dict[str, Any]) -> None:
    path = write(tmp_path, "a.yaml", {"model_list": [entry("a", "mock/x")], **document})
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 1, result.output
    assert "error      " in result.output and "Traceback" not in result.output
    done = start(["proxy", "serve", "--config", path.name, "--port", "0"], tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_gunicorns_options_are_refused_when_granian_serves() -> None:
    result = CliRunner().invoke(main, ["--run_granian", "--keepalive_timeout", "5"])
    assert result.exit_code == 2 and "--keep-alive" in result.output
