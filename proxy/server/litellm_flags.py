"""LiteLLM's command-line options: what each becomes here, so that a command line can be taken over as it is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import click


class Flag(NamedTuple):
    """`effect` "gunicorn": `target` is the server's option; "ours": it is one of our own; "none": it changes nothing
    here, and `target` says why; "refused": without it another thing would happen, and `target` says what to write."""

    name: str
    effect: Literal["gunicorn", "ours", "none", "refused"]
    target: str
    takes_value: bool = True


_IN_FILE = "write it into litellm_params of a configuration file"
_NO_MIGRATIONS = "there are no such migrations"

FLAGS: tuple[Flag, ...] = (
    Flag("keepalive_timeout", "gunicorn", "--keep-alive"),
    Flag("ssl_keyfile_path", "gunicorn", "--keyfile"),
    Flag("ssl_certfile_path", "gunicorn", "--certfile"),
    Flag("ciphers", "gunicorn", "--ciphers"),
    Flag("timeout_worker_healthcheck", "gunicorn", "--timeout"),
    Flag("max_requests_before_restart", "gunicorn", "--max-requests"),
    Flag("max_requests_before_restart_jitter", "gunicorn", "--max-requests-jitter"),
    Flag("limit_concurrency", "gunicorn", "--worker-connections"),
    Flag("max_request_header_size", "gunicorn", "--limit-request-field_size"),
    Flag("drop_params", "ours", "drop_params", takes_value=False),
    Flag("run_granian", "ours", "server", takes_value=False),
    Flag("granian_threads", "ours", "threads"),
    Flag("run_gunicorn", "none", "gunicorn is the server anyway", takes_value=False),
    Flag("run_hypercorn", "none", "the server is gunicorn, or granian with --server granian", takes_value=False),
    Flag("telemetry", "none", "nothing is sent home"),
    Flag("local", "none", "it has no effect in LiteLLM either", takes_value=False),
    Flag("save", "none", "nothing is saved", takes_value=False),
    Flag("use_queue", "none", "there is no queue", takes_value=False),
    Flag("add_function_to_prompt", "none", "functions are sent as the provider takes them", takes_value=False),
    Flag("log_config", "none", "log lines are JSON, or text in a terminal; --log-level sets the level"),
    Flag("reload", "none", "send SIGHUP to read the file again", takes_value=False),
    Flag("iam_token_db_auth", "none", "the database is named by its URL", takes_value=False),
    Flag("azure_postgresql_auth", "none", "the database is named by its URL", takes_value=False),
    Flag("use_prisma_db_push", "none", _NO_MIGRATIONS, takes_value=False),
    Flag("check_migrations_against_existing_data", "none", _NO_MIGRATIONS, takes_value=False),
    Flag("enforce_prisma_migration_check", "none", _NO_MIGRATIONS, takes_value=False),
    Flag("use_v2_migration_resolver", "none", _NO_MIGRATIONS, takes_value=False),
    Flag("use_legacy_migration_resolver", "none", _NO_MIGRATIONS, takes_value=False),
    Flag("prometheus_metrics_port", "none", "/metrics is served with everything else"),
    Flag("num_requests", "none", "it belongs to LiteLLM's own load test"),
    Flag("add_key", "none", "keys are read from the environment"),
    Flag("api_base", "refused", _IN_FILE),
    Flag("api_version", "refused", _IN_FILE),
    Flag("headers", "refused", "write extra_headers into litellm_params of a configuration file"),
    Flag("temperature", "refused", _IN_FILE),
    Flag("max_tokens", "refused", _IN_FILE),
    Flag("alias", "refused", "write model_group_alias into router_settings of a configuration file"),
    Flag("request_timeout", "refused", "write it into litellm_settings of a configuration file"),
    Flag("max_budget", "refused", "budgets are not enforced by this option"),
    Flag("health", "refused", "ask GET /health of a running gateway", takes_value=False),
    Flag("test", "refused", "send a request to a running gateway", takes_value=False),
    Flag("test_async", "refused", "send a request to a running gateway", takes_value=False),
    Flag("setup", "refused", "write a configuration file", takes_value=False),
    Flag("skip_server_startup", "refused", "use `check FILE`", takes_value=False),
    Flag("validate_config", "refused", "use `check FILE`", takes_value=False),
)
_PREFIX = "litellm_"


def accept_litellm_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with LiteLLM's options beside its own; they are not in its help."""
    for flag in reversed(FLAGS):
        kind: dict[str, Any] = {} if flag.takes_value else {"is_flag": True}
        command = click.option(f"--{flag.name}", _PREFIX + flag.name, hidden=True, **kind)(command)
    return command


def translate(options: Mapping[str, Any]) -> dict[str, Any]:
    """The command's own options, with what LiteLLM's add: `server_options` is a list for gunicorn's command line.

    Raise click.UsageError for an option that is refused; those without effect are named in stderr.
    """
    own = {name: value for name, value in options.items() if not name.startswith(_PREFIX)}
    own["server_options"] = []
    for flag, value in _given(options):
        if flag.effect == "refused":
            raise click.UsageError(f"--{flag.name} is not taken here: {flag.target}")
        if flag.effect == "none":
            click.echo(f"--{flag.name} has no effect: {flag.target}", err=True)
        elif flag.effect == "gunicorn":
            own["server_options"] += [flag.target, str(value)]
        else:
            own[flag.target] = _own_value(flag.name, value)
    return own


def _given(options: Mapping[str, Any]) -> Iterator[tuple[Flag, Any]]:
    for flag in FLAGS:
        value = options.get(_PREFIX + flag.name)
        if value:
            yield flag, value


def _own_value(name: str, value: Any) -> Any:
    if name == "run_granian":
        return "granian"
    return int(value) if name == "granian_threads" else value
