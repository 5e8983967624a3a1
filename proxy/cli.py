"""The commands: `python -m proxy [serve] | check | schema | mock | simulate`.

Each imports what it needs when it runs: `serve` only starts gunicorn, and should not take longer than that.
"""

import errno
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from proxy.server.litellm_flags import accept_litellm_flags, translate

_ROOT = Path(__file__).resolve().parent.parent


class _ServeByDefault(click.Group):
    """A group whose command may be left out: `python -m proxy --port 4000` serves."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ServeByDefault)
def main() -> None:
    """Patchbay: an OpenAI-compatible gateway. Without a command it serves."""


@main.command()
@click.option("-c", "--config", type=click.Path(exists=True, dir_okay=False), help="The config.yaml.")
@click.option("-m", "--model", help="Serve this one model, without a file: provider/name.")
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True)
@click.option("--port", envvar="PORT", type=click.IntRange(0, 65535), default=4000, show_default=True)
@click.option("--workers", "--num_workers", envvar="NUM_WORKERS", type=click.IntRange(1), default=1, show_default=True)
@click.option("--worker-class", type=click.Choice(["gevent", "gthread"]), default="gevent", show_default=True)
@click.option("--server", type=click.Choice(["gunicorn", "granian"]), default="gunicorn", show_default=True,
              help="granian is an extra: see docs/servers.md.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="Threads of a gthread worker, or under granian.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error", "critical"]))
@click.option("--debug", "--detailed_debug", "debug", is_flag=True, help="The same as --log-level debug.")
@click.option("--strict", is_flag=True, help="Each wrong value stops the start, also one that only an entry needs.")
@accept_litellm_flags
def serve(**given: Any) -> None:
    """Serve, under gunicorn. The file is --config, else CONFIG_FILE_PATH, else ./config.yaml, else a demo.

    LiteLLM's other options are taken as well; one without effect is named.
    """
    options = translate(given)
    if options["config"] and options["model"]:
        raise click.UsageError("--config and --model exclude each other: the file defines the models")
    if options["server"] == "granian" and options["server_options"]:
        names = ", ".join(options["server_options"][::2])
        raise click.UsageError(f"gunicorn's options have no effect under granian: leave out what sets {names}")
    check_port(options["host"], options["port"])
    command = granian_command(options) if options["server"] == "granian" else serve_command(options)
    # The server takes this process over, before any module of this program is loaded: its workers patch their sockets first.
    os.execv(command[0], command)  # noqa: S606


def check_port(host: str, port: int) -> None:
    """Fail at once when the port is taken: gunicorn would retry for seconds, with a line for each try."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"port {port} of {host} is taken: choose another one with --port (make run PORT={port + 1})"
            ) from None
        raise click.ClickException(f"can't listen on {host}, port {port}: {error.strerror or error}") from None


def serve_command(options: Mapping[str, Any]) -> list[str]:
    """gunicorn's command line. What concerns the gateway itself goes to its workers by the environment."""
    host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
    command = [sys.executable, "-m", "gunicorn", "--config", str(_ROOT / "gunicorn.conf.py")]
    command += ["--pythonpath", str(_ROOT), "--bind", f"{host}:{options['port']}"]
    command += ["--workers", str(options["workers"]), "--worker-class", options["worker_class"]]
    if options["threads"]:
        command += ["--threads", str(options["threads"])]
    return [*command, *options.get("server_options", ()), *_worker_options(options), "wsgi:app"]


def granian_command(options: Mapping[str, Any]) -> list[str]:
    """The same for granian_server.py, whose options are named alike; the kind of worker is granian's own."""
    command = [
        sys.executable,
        str(_ROOT / "granian_server.py"),
        "--host",
        options["host"],
        "--port",
        str(options["port"]),
    ]
    command += ["--workers", str(options["workers"])]
    if options["threads"]:
        command += ["--threads", str(options["threads"])]
    return [*command, *_worker_options(options)]


def _worker_options(options: Mapping[str, Any]) -> list[str]:
    """Options for the log level, and for what the workers read from their environment."""
    arguments = []
    log_level = "debug" if options["debug"] else options["log_level"]
    if log_level:
        arguments += ["--log-level", log_level, "--env", f"LITELLM_LOG={log_level.upper()}"]
    if options["config"]:
        arguments += ["--env", f"CONFIG_FILE_PATH={Path(options['config']).resolve()}"]
    if options.get("strict"):
        arguments += ["--env", "PATCHBAY_STRICT=true"]
    if options.get("drop_params"):
        arguments += ["--env", "PATCHBAY_DROP_PARAMS=true"]
    if options["model"]:
        arguments += ["--env", "CONFIG_FILE_PATH=", "--env", f"PATCHBAY_MODEL={options['model']}"]
    return arguments


def _try_to_build(settings: Any) -> None:
    """The whole application, as a worker builds it: raise ConfigError for what only shows then."""
    from app import create_app  # noqa: PLC0415
    from proxy.web.parts import EXTENSION  # noqa: PLC0415

    create_app(settings).extensions[EXTENSION].close()


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="As serve --strict: each wrong value is an error.")
def check(paths: tuple[Path, ...], *, strict: bool) -> None:
    """Report each key of each file: supported, different (and how), ignored (and why) or unknown.

    Without a file, check what `serve` would serve. Exit 1 if the gateway would not start.
    """
    from proxy.settings import environment  # noqa: PLC0415
    from proxy.settings.report import check_default, check_file  # noqa: PLC0415

    environ = {**environment(), **({"PATCHBAY_STRICT": "true"} if strict else {})}
    reports = [check_file(path, environ, build=_try_to_build) for path in paths]
    if not paths:
        reports = [check_default(environ, build=_try_to_build)]
    for report in reports:
        click.echo("\n".join(report.lines))
    if not all(report.serves for report in reports):
        sys.exit(1)


@main.command()
def schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    import json  # noqa: PLC0415

    from proxy.settings.json_schema import build_json_schema  # noqa: PLC0415

    click.echo(json.dumps(build_json_schema(), indent=2))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=4010, show_default=True)
@click.option("--reply", help="The text of every answer.")
@click.option("--status", type=click.IntRange(100, 599), default=200, show_default=True)
@click.option("--delay", type=float, default=0.0, help="Seconds before an answer.")
@click.option("--chunk-delay", type=float, default=0.0, help="Seconds between two chunks of a stream.")
@click.option("--chunks", type=click.IntRange(0), default=0, help="Chunks of a stream; 0 is one for each word.")
@click.option("--fault", help="How answers go wrong; see proxy/mock/answers.py.")
def mock(host: str, port: int, **behaviour: Any) -> None:
    """Run a fake provider in OpenAI's format, to test against."""
    from proxy.domain.mock_answers import Behaviour  # noqa: PLC0415
    from proxy.mock.server import serve as serve_mock  # noqa: PLC0415

    serve_mock(host, port, Behaviour(**behaviour))


@main.command()
@click.option("-c", "--config", "configs", multiple=True, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-s", "--scenario", required=True, type=click.Path(exists=True, path_type=Path))
def simulate(configs: tuple[Path, ...], scenario: Path) -> None:
    """Run the real router against simulated providers on a simulated clock; several --config are shown side by side."""
    from proxy.accounting.cost import price_per_token  # noqa: PLC0415
    from proxy.accounting.prices import load_bundled  # noqa: PLC0415
    from proxy.routing.simulation import simulate as simulation  # noqa: PLC0415
    from proxy.routing.simulation.scenario import ScenarioError  # noqa: PLC0415
    from proxy.settings import ConfigError, environment, load  # noqa: PLC0415
    from proxy.settings.files import parse_yaml  # noqa: PLC0415

    prices = load_bundled()
    try:
        script = parse_yaml(scenario.read_text(encoding="utf-8"), str(scenario))
        loaded = {str(path): load(path, environment()) for path in configs}
        reports = {
            name: simulation.simulate(
                settings.deployments, settings.router, script, lambda deployment: price_per_token(deployment, prices)
            )
            for name, settings in loaded.items()
        }
    except (ConfigError, ScenarioError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(simulation.compare(reports))
