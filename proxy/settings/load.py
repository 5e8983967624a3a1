"""From a file and an environment to Settings."""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import Secret, SecretRegistry
from proxy.providers.contract import Provider
from proxy.providers.registry import PROVIDERS
from proxy.settings.demo import demo_document, single_model_document
from proxy.settings.deployments import build_entries, is_secret_name, secrets_of
from proxy.settings.errors import ConfigError
from proxy.settings.files import Source, read_files
from proxy.settings.provider_choice import UNSERVED
from proxy.settings.references import Missing, resolve
from proxy.settings.router import build_router_settings, check_groups, idle_rules
from proxy.settings.values import General, LiteLLM, Settings
from schemas.config import ConfigProblem, InvalidConfig, findings, load_config

CONFIG_VARIABLE = "CONFIG_FILE_PATH"
MODEL_VARIABLE = "PATCHBAY_MODEL"
MASTER_KEY_VARIABLE = "LITELLM_MASTER_KEY"
USUAL_FILE = "config.yaml"
_ENTRY = re.compile(r"model_list\[(\d+)\]")
_CREDENTIAL = re.compile(r"credential_list\[(\d+)\]")
# Stands in for a model that a missing variable would have named, so that the rest of its entry is still checked.
_PLACEHOLDER = "openai/not-set"


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
    missing: list[Missing] = []
    environ = _with_variables(source.document, environ)
    document = resolve(source.document, environ, missing)
    missing += _take_unserved(document, providers)
    broken = _broken_entries(document, missing)
    try:
        loaded = load_config(document)
        entries = build_entries(
            loaded.get("model_list", ()),
            environ,
            providers,
            credentials=_credentials(loaded),
            defaults=loaded.get("router_settings", {}).get("default_litellm_params"),
        )
        router = build_router_settings(loaded.get("router_settings", {}), loaded.get("litellm_settings", {}))
        deployments = tuple(
            deployment for position, entry in enumerate(entries) if position not in broken for deployment in entry
        )
        out_of_service = _out_of_service(entries, broken, deployments)
        _check(loaded, router, deployments, out_of_service, missing)
        idle = idle_rules(router, deployments, tuple(out_of_service), _placer(loaded))
    except InvalidConfig as error:
        raise ConfigError(
            *(f"{source.locate(problem.path)}: {problem.message}" for problem in error.problems)
        ) from None
    master_key = _master_key(loaded, environ)
    return Settings(
        deployments=deployments,
        router=router,
        master_key=master_key,
        general=General(**_of(General, loaded.get("general_settings", {}))),
        litellm=LiteLLM(**_of(LiteLLM, loaded.get("litellm_settings", {}))),
        out_of_service=out_of_service,
        warnings=(
            *_warnings(source, missing, entries, broken, providers),
            *(f"{source.locate(rule.path)} {rule.message}" for rule in idle),
        ),
        environ=environ,
        secrets=_registry(master_key, router, entries, environ),
        source=name,
        loaded_at=int(time.time()),
    )


def _with_variables(document: Mapping[str, Any], environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment as the file completes it. A wrong value in environment_variables is the schema's to report."""
    given = document.get("environment_variables")
    resolved = resolve(given, environ, [], "environment_variables") if isinstance(given, Mapping) else {}
    return {
        **environ,
        **{str(name): str(item) for name, item in resolved.items() if isinstance(item, str | int | float)},
    }


def _take_unserved(document: Mapping[str, Any], providers: Mapping[str, Provider]) -> list[Missing]:
    """The models of providers that LiteLLM has and we do not; they make way for the placeholder."""
    found: list[Missing] = []
    entries = document.get("model_list")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        if not isinstance(params, dict):
            continue
        for name in ("custom_llm_provider", "model"):
            provider = str(params.get(name, "")).partition("/")[0]
            if provider in UNSERVED and provider not in providers and (name != "model" or "/" in str(params[name])):
                reason = f"the provider {provider} is not served here"
                found.append(Missing(f"model_list[{position}].litellm_params.{name}", reason))
                params.pop("custom_llm_provider", None)
                params["model"] = _PLACEHOLDER
                break
    return found


def _broken_entries(document: Mapping[str, Any], missing: Sequence[Missing]) -> dict[int, Missing]:
    """The entries of model_list that lack something, and what; they are completed so that the schema can read them."""
    entries = document.get("model_list")
    if not isinstance(entries, list):
        return {}
    broken = {int(found[1]): item for item in missing if (found := _ENTRY.match(item.path))}
    for position in broken:
        entries[position].setdefault("model_name", "not-set")
        params = entries[position].setdefault("litellm_params", {})
        if isinstance(params, dict):
            params.setdefault("model", _PLACEHOLDER)
    broken_credentials = {int(found[1]): item for item in missing if (found := _CREDENTIAL.match(item.path))}
    for position, item in broken_credentials.items():
        name = document["credential_list"][position].get("credential_name")
        document["credential_list"][position].setdefault("credential_values", {})
        broken |= {index: item for index, entry in enumerate(entries) if _uses(entry, name)}
    return broken


def _uses(entry: Any, credential: str | None) -> bool:
    params = entry.get("litellm_params") if isinstance(entry, Mapping) else None
    return isinstance(params, Mapping) and params.get("litellm_credential_name") == credential is not None


def _credentials(loaded: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {entry["credential_name"]: entry["credential_values"] for entry in loaded.get("credential_list", ())}


def _out_of_service(
    entries: Sequence[Sequence[Deployment]], broken: Mapping[int, Missing], deployments: Sequence[Deployment]
) -> dict[str, str]:
    served = {deployment.group for deployment in deployments}
    reasons: dict[str, str] = {}
    for position, item in broken.items():
        for deployment in entries[position]:
            reasons[deployment.id] = item.reason
            if deployment.group not in served:
                reasons.setdefault(deployment.group, item.reason)
    return reasons


def _check(
    loaded: Mapping[str, Any],
    router: RouterSettings,
    deployments: Sequence[Deployment],
    out_of_service: Mapping[str, str],
    missing: Sequence[Missing],
) -> None:
    """What no single value shows. Raise InvalidConfig."""
    problems = list(check_groups(router, deployments, tuple(out_of_service), _placer(loaded)))
    # A key that was meant to be there must not turn into a gateway without one.
    problems += (ConfigProblem(*item) for item in missing if item.path == "general_settings.master_key")
    if problems:
        raise InvalidConfig(tuple(problems))


def _placer(loaded: Mapping[str, Any]) -> Callable[[str], str]:
    """Where a router's setting is written: either section may say it."""
    own = loaded.get("router_settings", {})
    return lambda name: f"{'router' if name in own else 'litellm'}_settings.{name}"


def _master_key(loaded: Mapping[str, Any], environ: Mapping[str, str]) -> Secret | None:
    key = loaded.get("general_settings", {}).get("master_key") or environ.get(MASTER_KEY_VARIABLE)
    return Secret(key) if key else None


def _of(kind: type[Any], section: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in section.items() if name in names}


def _warnings(
    source: Source,
    missing: Sequence[Missing],
    entries: Sequence[Sequence[Deployment]],
    broken: Mapping[int, Missing],
    providers: Mapping[str, Provider],
) -> Iterator[str]:
    found = [item for item in findings(source.document) if item.status == "ignored" or item.doubtful]
    unused = {item.path for item in found}
    for item in (item for item in missing if not unused.intersection(_steps(item.path))):
        lost = item in broken.values()
        what = "the deployments that need it are out of service" if lost else "it is left out"
        yield f"{source.locate(item.path)}: {item.reason}; {what}"
    for finding in found:
        verb = "is ignored" if finding.status == "ignored" else "is no setting"
        yield f"{source.locate(finding.path)} {verb}: {finding.reason}"
    for position, entry in enumerate(entries):
        if position not in broken:
            yield from (
                f"{source.locate(f'model_list[{position}]')}: no api_key, and {' or '.join(variables)} is not set: "
                "only calls that bring a key of their own can be answered"
                for variables in _unset_keys(entry, providers)
            )


def _steps(path: str) -> Iterator[str]:
    """The path, and all that it lies in: a.b[0].c, a.b[0], a.b, a."""
    while path:
        yield path
        path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]*)$", "", path)


def _unset_keys(entry: Sequence[Deployment], providers: Mapping[str, Provider]) -> Iterator[Sequence[str]]:
    for deployment in entry:
        provider = providers[deployment.provider]
        if provider.needs_key and not deployment.wildcard and not any(secrets_of(deployment.connection)):
            yield provider.variables.get("api_key") or ("its variable",)


def _registry(
    master_key: Secret | None,
    router: RouterSettings,
    entries: Sequence[Sequence[Deployment]],
    environ: Mapping[str, str],
) -> SecretRegistry:
    """A registry that knows the configured credentials, and the environment's."""
    registry = SecretRegistry()
    registry.add(master_key)
    registry.add(router.redis_password)
    for value in secrets_of({"redis_url": router.redis_url}):
        registry.add(value)
    for value in {secret for entry in entries for item in entry for secret in secrets_of(item.connection)}:
        registry.add(value)
    for name, text in environ.items():
        if is_secret_name(name):
            registry.add(text)
    return registry
