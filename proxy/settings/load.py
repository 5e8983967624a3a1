"""From a file and an environment to Settings."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from proxy.accounts.declared import read_declared
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import Secret, SecretRegistry
from proxy.host.config_state import Snapshot
from proxy.providers.contract import Provider
from proxy.providers.registry import PROVIDERS
from proxy.settings.cache import read_cache
from proxy.settings.callbacks import idle_callbacks, served_callbacks
from proxy.settings.credentials import build_registry
from proxy.settings.database import password_of, read_database_url
from proxy.settings.demo import demo_document, single_model_document
from proxy.settings.deployments import build_entries
from proxy.settings.errors import ConfigError
from proxy.settings.files import DiskTexts, KeptTexts, Source, read_files
from proxy.settings.idle_values import idle_values
from proxy.settings.reading import read_document
from proxy.settings.references import Fault, resolve
from proxy.settings.router import build_router_settings, check_groups, idle_rules, known_names, without_dead_ends
from proxy.settings.secret_reader import SecretReader
from proxy.settings.service import reasons_by_name
from proxy.settings.values import General, LiteLLM, SecretSources, Settings
from proxy.settings.warnings import fault_warnings, idle_names, missing_keys
from schemas.config import ConfigProblem, InvalidConfig

CONFIG_VARIABLE = "CONFIG_FILE_PATH"
MODEL_VARIABLE = "PATCHBAY_MODEL"
MASTER_KEY_VARIABLE = "LITELLM_MASTER_KEY"
STRICT_VARIABLE = "PATCHBAY_STRICT"
DROP_PARAMS_VARIABLE = "PATCHBAY_DROP_PARAMS"
USUAL_FILE = "config.yaml"


def environment() -> dict[str, str]:
    """The process's environment as it is now."""
    return dict(os.environ)


def load_default(environ: Mapping[str, str], texts: DiskTexts | None = None) -> Settings:
    """What the environment names: a file, one model, `config.yaml` in the current folder, or else the demo.

    `texts`: where the files are read, by default the disk.
    """
    texts = texts or DiskTexts()
    if environ.get(CONFIG_VARIABLE):
        return load(Path(environ[CONFIG_VARIABLE]), environ, texts=texts)
    if environ.get(MODEL_VARIABLE):
        source = Source(single_model_document(environ[MODEL_VARIABLE]))
        # There is nothing else to serve: a wrong name stops the start.
        strict = {**environ, STRICT_VARIABLE: "true"}
        return build_settings(source, strict, PROVIDERS, f"--model {environ[MODEL_VARIABLE]}")
    usual = Path(USUAL_FILE)
    return load(usual if texts.is_file(usual) else None, environ, texts=texts)


def load_kept(environ: Mapping[str, str], snapshot: Snapshot | None) -> Settings:
    """As `load_default`, from the kept texts where there are any."""
    return load_default(environ, None if snapshot is None else KeptTexts(snapshot.texts))


def load(
    path: Path | str | None,
    environ: Mapping[str, str],
    providers: Mapping[str, Provider] = PROVIDERS,
    texts: DiskTexts | None = None,
) -> Settings:
    """The settings of a file; without one, of the demo configuration. Raise ConfigError."""
    if path is None:
        source = Source(demo_document(environ, providers))
        return build_settings(source, environ, providers, "the built-in demo configuration")
    return build_settings(read_files(Path(path), texts), environ, providers, str(path))


def build_settings(
    source: Source, environ: Mapping[str, str], providers: Mapping[str, Provider], name: str
) -> Settings:
    """Settings of what has been read. Raise ConfigError with every problem that stops the start."""
    secrets = SecretReader(environ, fetch=source.fetch_secrets)
    secrets.host(source.document)
    try:
        return _build(source, _with_variables(source.document, environ, secrets), providers, name, secrets)
    except InvalidConfig as error:
        lines = (f"{source.locate(problem.path)}: {problem.message}" for problem in error.problems)
        raise ConfigError(*lines) from None


def _build(
    source: Source,
    environ: Mapping[str, str],
    providers: Mapping[str, Provider],
    name: str,
    secrets: SecretReader,
) -> Settings:
    strict = is_strict(environ)
    if strict and source.repeated:
        raise ConfigError(*source.repeated)
    loaded, faults, broken = read_document(source.document, environ, providers, secrets, strict=strict)
    general, litellm = loaded.get("general_settings", {}), loaded.get("litellm_settings", {})
    entries = _entries(loaded, environ, providers, broken, strict=strict)
    every = [item for entry in entries for item in entry]
    deployments = tuple(item for position, entry in enumerate(entries) if position not in broken for item in entry)
    if not general.get("allow_client_side_credentials", True):
        deployments = tuple(closed_to_clients(item) for item in deployments)
    router, dead_ends = _router(loaded, every, strict=strict)
    master_key = _master_key(general, environ)
    if master_key is None and loaded.get("keys"):
        raise InvalidConfig(
            (ConfigProblem("keys", "need general_settings.master_key: without one no key is asked for"),)
        )
    database_url = read_database_url(general, environ)
    known = known_names(every, router.model_group_alias)
    idle = (*idle_rules(router, every, _placer(loaded)), *idle_values(loaded, router, known))
    cache, cache_warnings = read_cache(litellm, environ)
    return Settings(
        deployments=deployments,
        router=router,
        master_key=master_key,
        general=General(**_of(General, general)),
        litellm=LiteLLM(**_of(LiteLLM, {**_of_command_line(environ), **served_callbacks(litellm)})),
        out_of_service=reasons_by_name(entries, broken, deployments),
        broken=tuple(item for position, entry in enumerate(entries) if position in broken for item in entry),
        cache=cache,
        warnings=(
            *cache_warnings,
            *(f"{place}: the last one counts" for place in source.repeated),
            *fault_warnings(source, [*faults, *dead_ends], broken),
            *idle_names(source),
            *idle_callbacks(source, litellm),
            *missing_keys(source, entries, broken, providers),
            *(f"{source.locate(rule.path)} {rule.message}" for rule in idle),
        ),
        environ=environ,
        sinks={**litellm, "callback_settings": loaded.get("callback_settings") or litellm.get("callback_settings")},
        secrets=_secrets(
            build_registry(master_key, router, every, environ), loaded.get("keys", ()), database_url, secrets.values
        ),
        secret_sources=SecretSources(tuple(secrets.files), secrets.digest, secrets.asked_managers),
        database_url=database_url,
        declared=read_declared(loaded),
        source=name,
        document=source.document,
    )


def is_strict(environ: Mapping[str, str]) -> bool:
    """Whether every wrong value is to stop the start."""
    return _is_on(environ, STRICT_VARIABLE)


def _entries(
    loaded: Mapping[str, Any],
    environ: Mapping[str, str],
    providers: Mapping[str, Provider],
    broken: dict[int, Fault],
    *,
    strict: bool,
) -> list[list[Deployment]]:
    """The deployments of each entry; those that can't be built are put into `broken`."""
    lacking = set(broken)
    entries = build_entries(
        loaded.get("model_list", ()),
        environ,
        providers,
        credentials={
            entry["credential_name"]: entry.get("credential_values", {})
            for entry in loaded.get("credential_list", ())
            if "credential_name" in entry
        },
        defaults=loaded.get("router_settings", {}).get("default_litellm_params"),
        broken=broken,
    )
    if strict and broken.keys() - lacking:
        raise InvalidConfig(tuple(ConfigProblem(*broken[position]) for position in sorted(broken.keys() - lacking)))
    return entries


def _router(
    loaded: Mapping[str, Any], every: Sequence[Deployment], *, strict: bool
) -> tuple[RouterSettings, list[Fault]]:
    """The router's settings without what leads nowhere, and a Fault for each such thing."""
    router = build_router_settings(loaded.get("router_settings", {}), loaded.get("litellm_settings", {}))
    problems = tuple(check_groups(router, every, _placer(loaded)))
    if strict and problems:
        raise InvalidConfig(problems)
    if problems:
        router = without_dead_ends(router, every)
    return router, [Fault(*problem) for problem in problems]


def _with_variables(
    document: Mapping[str, Any], environ: Mapping[str, str], secrets: SecretReader
) -> Mapping[str, str]:
    """The environment as the file completes it. A wrong value in environment_variables is the schema's to report."""
    given = document.get("environment_variables")
    resolved = (
        resolve(given, environ, [], "environment_variables", secrets=secrets) if isinstance(given, Mapping) else {}
    )
    return {
        **environ,
        **{str(name): str(item) for name, item in resolved.items() if isinstance(item, str | int | float)},
    }


def closed_to_clients(deployment: Deployment) -> Deployment:
    """Only what its own configurable_clientside_auth_params name may still come from a client."""
    allowed = deployment.configurable_clientside_auth_params or ()
    return replace(deployment, configurable_clientside_auth_params=allowed)


def _of_command_line(environ: Mapping[str, str]) -> dict[str, Any]:
    """What `serve --drop_params` sets for a file that does not."""
    return {"drop_params": True} if _is_on(environ, DROP_PARAMS_VARIABLE) else {}


def _is_on(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").lower() in ("true", "1", "yes", "on")


def _placer(loaded: Mapping[str, Any]) -> Callable[[str], str]:
    """The section of a router's setting: either may have it."""
    own = loaded.get("router_settings", {})
    return lambda name: f"{'router' if name in own else 'litellm'}_settings.{name}"


def _master_key(general: Mapping[str, Any], environ: Mapping[str, str]) -> Secret | None:
    key = general.get("master_key") or environ.get(MASTER_KEY_VARIABLE)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        place = "general_settings.master_key" if general.get("master_key") else MASTER_KEY_VARIABLE
        raise InvalidConfig((ConfigProblem(place, "must be ASCII without spaces: no header can carry it"),))
    return Secret(key) if key else None


def _secrets(
    registry: SecretRegistry,
    keys: Sequence[Mapping[str, Any]],
    database_url: Secret | None,
    referred: Sequence[str],
) -> SecretRegistry:
    for value in referred:
        registry.add(value)
    registry.add(database_url)
    registry.add(password_of(database_url))
    for entry in keys:
        registry.add(entry.get("key"))
    return registry


def _of(kind: type[Any], section: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in section.items() if name in names}
