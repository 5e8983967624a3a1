"""From a file and an environment to Settings."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import Secret
from proxy.providers.contract import Provider
from proxy.providers.registry import PROVIDERS
from proxy.settings.callbacks import idle_callbacks, served_callbacks
from proxy.settings.credentials import build_registry
from proxy.settings.demo import demo_document, single_model_document
from proxy.settings.deployments import build_entries
from proxy.settings.errors import ConfigError
from proxy.settings.files import Source, read_files
from proxy.settings.references import Missing, resolve
from proxy.settings.router import build_router_settings, check_groups, idle_rules
from proxy.settings.service import find_broken, reasons_by_name, replace_unserved
from proxy.settings.values import General, LiteLLM, Settings
from proxy.settings.warnings import idle_names, missing_keys, missing_values
from schemas.config import ConfigProblem, InvalidConfig, load_config

CONFIG_VARIABLE = "CONFIG_FILE_PATH"
MODEL_VARIABLE = "PATCHBAY_MODEL"
MASTER_KEY_VARIABLE = "LITELLM_MASTER_KEY"
USUAL_FILE = "config.yaml"


def environment() -> dict[str, str]:
    """The process's environment as it is now."""
    return dict(os.environ)


def load_default(environ: Mapping[str, str]) -> Settings:
    """What the environment names: a file, one model, `config.yaml` in the current folder, or else the demo."""
    if environ.get(CONFIG_VARIABLE):
        return load(Path(environ[CONFIG_VARIABLE]), environ)
    if environ.get(MODEL_VARIABLE):
        source = Source(single_model_document(environ[MODEL_VARIABLE]))
        return build_settings(source, environ, PROVIDERS, f"--model {environ[MODEL_VARIABLE]}")
    usual = Path(USUAL_FILE)
    return load(usual if usual.is_file() else None, environ)


def load(
    path: Path | str | None, environ: Mapping[str, str], providers: Mapping[str, Provider] = PROVIDERS
) -> Settings:
    """The settings of a file; without one, of the demo configuration. Raise ConfigError."""
    if path is None:
        source = Source(demo_document(environ, providers))
        return build_settings(source, environ, providers, "the built-in demo configuration")
    return build_settings(read_files(Path(path)), environ, providers, str(path))


def build_settings(
    source: Source, environ: Mapping[str, str], providers: Mapping[str, Provider], name: str
) -> Settings:
    """Settings of what has been read. Raise ConfigError with every problem found."""
    try:
        return _build(source, _with_variables(source.document, environ), providers, name)
    except InvalidConfig as error:
        told = (f"{source.locate(problem.path)}: {problem.message}" for problem in error.problems)
        raise ConfigError(*told) from None


def _build(source: Source, environ: Mapping[str, str], providers: Mapping[str, Provider], name: str) -> Settings:
    missing: list[Missing] = []
    document = resolve(source.document, environ, missing)
    missing += replace_unserved(document, providers)
    broken = find_broken(document, missing)
    loaded = load_config(document)
    general, litellm, routing = (loaded.get(f"{section}_settings", {}) for section in ("general", "litellm", "router"))
    entries = build_entries(
        loaded.get("model_list", ()),
        environ,
        providers,
        credentials={
            entry["credential_name"]: entry["credential_values"] for entry in loaded.get("credential_list", ())
        },
        defaults=routing.get("default_litellm_params"),
    )
    deployments = tuple(item for position, entry in enumerate(entries) if position not in broken for item in entry)
    if not general.get("allow_client_side_credentials", True):
        deployments = tuple(closed_to_clients(item) for item in deployments)
    out_of_service = reasons_by_name(entries, broken, deployments)
    router = build_router_settings(routing, litellm)
    every = [item for entry in entries for item in entry]
    _check(loaded, router, every, missing)
    idle = idle_rules(router, every, _placer(loaded))
    master_key = _master_key(general, environ)
    return Settings(
        deployments=deployments,
        router=router,
        master_key=master_key,
        general=General(**_of(General, general)),
        litellm=LiteLLM(**_of(LiteLLM, served_callbacks(litellm))),
        out_of_service=out_of_service,
        broken=tuple(item for position, entry in enumerate(entries) if position in broken for item in entry),
        warnings=(
            *missing_values(source, missing, broken),
            *idle_names(source),
            *idle_callbacks(source, litellm),
            *missing_keys(source, entries, broken, providers),
            *(f"{source.locate(rule.path)} {rule.message}" for rule in idle),
        ),
        environ=environ,
        sinks={**litellm, "callback_settings": loaded.get("callback_settings") or litellm.get("callback_settings")},
        secrets=build_registry(master_key, router, every, environ),
        source=name,
    )


def _with_variables(document: Mapping[str, Any], environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment as the file completes it. A wrong value in environment_variables is the schema's to report."""
    given = document.get("environment_variables")
    resolved = resolve(given, environ, [], "environment_variables") if isinstance(given, Mapping) else {}
    return {
        **environ,
        **{str(name): str(item) for name, item in resolved.items() if isinstance(item, str | int | float)},
    }


def closed_to_clients(deployment: Deployment) -> Deployment:
    """Only what its own configurable_clientside_auth_params name may still come from a client."""
    allowed = deployment.configurable_clientside_auth_params or ()
    return replace(deployment, configurable_clientside_auth_params=allowed)


def _check(
    loaded: Mapping[str, Any],
    router: RouterSettings,
    deployments: Sequence[Deployment],
    missing: Sequence[Missing],
) -> None:
    """What no single value shows. Raise InvalidConfig."""
    problems = list(check_groups(router, deployments, _placer(loaded)))
    # A key that was meant to be there must not turn into a gateway without one.
    problems += (ConfigProblem(*item) for item in missing if item.path == "general_settings.master_key")
    authorities = loaded.get("litellm_settings", {}).get("ssl_verify")
    if isinstance(authorities, str) and not Path(authorities).is_file():
        problems.append(ConfigProblem("litellm_settings.ssl_verify", f"must be true, false or a file: {authorities!r}"))
    if problems:
        raise InvalidConfig(tuple(problems))


def _placer(loaded: Mapping[str, Any]) -> Callable[[str], str]:
    """Where a router's setting is written: either section may say it."""
    own = loaded.get("router_settings", {})
    return lambda name: f"{'router' if name in own else 'litellm'}_settings.{name}"


def _master_key(general: Mapping[str, Any], environ: Mapping[str, str]) -> Secret | None:
    key = general.get("master_key") or environ.get(MASTER_KEY_VARIABLE)
    return Secret(key) if key else None


def _of(kind: type[Any], section: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in section.items() if name in names}
