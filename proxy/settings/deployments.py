"""Entries of a model_list into Deployments: the operator's, or a client's own."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from proxy.domain.deployment import ROUTING_PARAMS, Deployment, is_connection_param, names_destination
from proxy.domain.mocking import MOCK_PARAMS
from proxy.domain.secret_names import is_secret_name
from proxy.domain.secrets import Secret
from proxy.providers.contract import Provider
from proxy.settings.provider_choice import FAMILIES, Choice, UnknownProviderError, choose_provider
from proxy.settings.references import Fault
from proxy.settings.service import PLACEHOLDER
from schemas.config import ConfigProblem, InvalidConfig
from schemas.kinds import is_credential_name
from schemas.litellm_params import FACTS, OWN_NAMES, PRICES
from schemas.settings_table import settings_of

_IGNORED = frozenset(name for name, setting in settings_of("params").items() if setting.status == "ignored")
_OTHER_NAMES = (("num_retries", "max_retries"), ("timeout", "request_timeout"), ("api_base", "base_url"))
# Tuples in a Deployment.
_NAMES = ("tags", "tag_regex", "additional_drop_params", "allowed_openai_params", "configurable_clientside_auth_params")


def build_deployments(
    model_list: Sequence[Mapping[str, Any]],
    environ: Mapping[str, str] | None,
    providers: Mapping[str, Provider],
    *,
    credentials: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> list[Deployment]:
    """The deployments of a model_list that schemas.config has loaded. Raise InvalidConfig with the paths.

    `environ` None: a client's own list, for which nothing of the operator's environment is read. `credentials` is the
    credential_list by name, `defaults` the router's default_litellm_params.
    """
    entries = build_entries(model_list, environ, providers, credentials=credentials, defaults=defaults)
    return [deployment for entry in entries for deployment in entry]


def build_entries(
    model_list: Sequence[Mapping[str, Any]],
    environ: Mapping[str, str] | None,
    providers: Mapping[str, Provider],
    *,
    credentials: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Any] | None = None,
    broken: dict[int, Fault] | None = None,
) -> list[list[Deployment]]:
    """As build_deployments: for each entry of the list those that it makes.

    An entry that can't be built is put into `broken`, if there is one; of it, and of those already there, what they
    would be called is built.
    """
    built: list[list[Deployment]] = []
    problems = list(_repeated_ids(model_list))
    faulty = {} if broken is None else broken
    for problem in problems:
        faulty.setdefault(int(problem.path.partition("[")[2].partition("]")[0]), Fault(*problem))
    for position, entry in enumerate(model_list):
        try:
            whole = entry if broken is None or position not in broken else _nameable(entry, broken[position])
            built.append(list(_build_entry(whole, environ, providers, credentials or {}, defaults or {})))
        except _EntryError as error:
            problems.append(ConfigProblem(f"model_list[{position}].{error.path}", error.message))
            faulty[position] = Fault(*problems[-1])
            placeholder = _nameable(entry, faulty[position])
            built.append(list(_build_entry(placeholder, None, providers, {}, {})) if broken is not None else [])
    if problems and broken is None:
        raise InvalidConfig(tuple(problems))
    return _with_own_ids(built)


def _nameable(entry: Mapping[str, Any], fault: Fault) -> Mapping[str, Any]:
    """What a broken entry is called, without the parameters that can be wrong."""
    info = {name: value for name, value in entry.get("model_info", {}).items() if name == "id"}
    if fault.path.endswith("model_info.id"):
        info = {}
    params = {name: value for name, value in entry["litellm_params"].items() if is_secret_name(name)}
    return {"model_name": entry["model_name"], "model_info": info, "litellm_params": {**params, "model": PLACEHOLDER}}


def _repeated_ids(model_list: Sequence[Mapping[str, Any]]) -> Iterator[ConfigProblem]:
    seen: set[str] = set()
    for position, entry in enumerate(model_list):
        name = entry.get("model_info", {}).get("id")
        if name in seen:
            yield ConfigProblem(f"model_list[{position}].model_info.id", "must be unique: another model has it")
        seen |= {name} if name else set()


class _EntryError(ValueError):
    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


def _build_entry(
    entry: Mapping[str, Any],
    environ: Mapping[str, str] | None,
    providers: Mapping[str, Provider],
    credentials: Mapping[str, Mapping[str, Any]],
    defaults: Mapping[str, Any],
) -> Iterator[Deployment]:
    params = _complete(entry, credentials, defaults)
    for group, choice in _choices(entry["model_name"], params, providers):
        for organization in _organizations(params):
            found = None if environ is None else _from_environ(providers[choice.provider], environ)
            yield _build(group, choice, params | organization, entry.get("model_info", {}), found)


def _complete(
    entry: Mapping[str, Any], credentials: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """All parameters of the entry: defaults, under the named credential, under its own params."""
    own = entry["litellm_params"]
    name = own.get("litellm_credential_name")
    if name is not None and name not in credentials:
        raise _EntryError("litellm_params.litellm_credential_name", f"there is no {name!r} in credential_list")
    limits = {limit: entry[limit] for limit in ("rpm", "tpm") if limit in entry}
    params = {**defaults, **limits, **credentials.get(name or "", {}), **own}
    for first, second in _OTHER_NAMES:
        if second in params:
            params.setdefault(first, params[second])
            del params[second]
    return {name: value for name, value in params.items() if name not in _IGNORED}


def _choices(group: str, params: Mapping[str, Any], providers: Mapping[str, Provider]) -> Iterator[tuple[str, Choice]]:
    model, custom, api_base = params["model"], params.get("custom_llm_provider"), params.get("api_base")
    if "*" in model and "*" not in group:
        raise _EntryError("model_name", "needs a *, since litellm_params.model has one")
    if model == "*" and custom is None:
        yield from _any_provider(group, api_base, providers)
        return
    try:
        yield group, choose_provider(model, custom, api_base, providers)
    except UnknownProviderError as error:
        where = "model" if custom is None else "custom_llm_provider"
        raise _EntryError(f"litellm_params.{where}", str(error)) from None


def _any_provider(group: str, api_base: str | None, providers: Mapping[str, Provider]) -> Iterator[tuple[str, Choice]]:
    """The model "*" is read as the client's name is: one deployment for each way to read it."""
    for name in providers:
        if name != "mock":
            yield group.replace("*", f"{name}/*", 1), Choice(name, "*")
    for pattern, name in FAMILIES:
        if name in providers:
            yield group.replace("*", pattern, 1), Choice(name, pattern)
    if api_base is not None and "openai" in providers:
        yield group, Choice("openai", "*")


def _organizations(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    organization = params.get("organization")
    return [{"organization": name} for name in organization] if isinstance(organization, tuple) else [{}]


def _build(
    group: str,
    choice: Choice,
    params: Mapping[str, Any],
    info: Mapping[str, Any],
    environment: Mapping[str, str] | None,
) -> Deployment:
    """`environment` has the provider's connection parameters; None for a client's own."""
    connection = {name: value for name, value in params.items() if is_connection_param(name)}
    routing: dict[str, Any] = {
        name: value for name, value in params.items() if name in ROUTING_PARAMS and name not in _SAID_OTHERWISE
    }
    routing |= {name: tuple(routing[name]) for name in _NAMES if name in routing}
    for name in ("cooldown_time", "input_cost_per_token", "output_cost_per_token"):
        if name in info:
            routing.setdefault(name, info[name])
    return Deployment(
        id=info.get("id") or _digest(group, choice, params),
        group=group,
        provider=choice.provider,
        model=choice.model,
        connection={
            name: _hide(name, value)
            for name, value in {**(environment or {}), **connection}.items()
            if name not in _STEERING
        },
        # A price in litellm_params wins over one in model_info; any other fact there is the more particular.
        info={
            **{name: value for name, value in params.items() if name in FACTS},
            **info,
            **{name: value for name, value in params.items() if name in PRICES},
        },
        defaults={name: value for name, value in params.items() if _is_default(name)},
        wildcard="*" in group,
        guarded=environment is None and names_destination(connection),
        client_owned=environment is None,
        mock={name: params[name] for name in MOCK_PARAMS if name in params},
        **routing,
    )


# `num_retries` and `mock` hold them.
_SAID_OTHERWISE = frozenset({"max_retries", *MOCK_PARAMS})
_STEERING = frozenset({"custom_llm_provider", "litellm_credential_name"})


def _is_default(name: str) -> bool:
    own = name == "model" or name in OWN_NAMES or name in ROUTING_PARAMS
    return not (own or is_connection_param(name) or is_credential_name(name))


def _from_environ(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    """The provider's connection parameters in the environment, of each the first variable that is set."""
    found = {
        name: next((environ[variable] for variable in variables if environ.get(variable)), None)
        for name, variables in provider.variables.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def _hide(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _hide(inner, item) for inner, item in value.items()}
    return Secret(value) if isinstance(value, str) and is_secret_name(name) else value


def _digest(group: str, choice: Choice, params: Mapping[str, Any]) -> str:
    """An id that stays the same from start to start, out of which no credential can be guessed: it holds none."""
    shown = {name: _without_secrets(name, value) for name, value in params.items()}
    text = orjson.dumps([group, choice, shown], default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(text).hexdigest()


def _without_secrets(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(inner): _without_secrets(str(inner), item) for inner, item in value.items()}
    if isinstance(value, str) and (is_secret_name(name) or "@" in value):
        return None
    return value


def _with_own_ids(entries: Sequence[Sequence[Deployment]]) -> list[list[Deployment]]:
    """Deployments that differ in nothing but a credential get a number by their order."""
    counts: Counter[str] = Counter()
    unique: list[list[Deployment]] = []
    for entry in entries:
        unique.append([])
        for deployment in entry:
            counts[deployment.id] += 1
            number = counts[deployment.id]
            unique[-1].append(deployment if number == 1 else replace(deployment, id=f"{deployment.id}-{number}"))
    return unique
