"""A client's own `user_config`: its models and routing, without access to anything of the operator's."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.errors import BadRequestError
from proxy.providers.contract import Provider
from proxy.providers.registry import PROVIDERS
from proxy.routing.strategies import STRATEGIES
from proxy.settings.deployments import build_deployments
from proxy.settings.errors import ConfigError
from proxy.settings.references import Fault, resolve
from proxy.settings.router import build_router_settings, check_groups
from schemas.config import ConfigProblem, Finding, InvalidConfig, load_user_config, user_findings

MOST_MODELS = 200
# Of the entries of one list or object: whatever is worked out from two of them stays small.
MOST_ENTRIES = 1000
_LIMITS = ("rpm", "tpm", "max_parallel_requests")
# Each star of a pattern multiplies the time that a name may take to be compared with it.
MOST_STARS = 2
# A client's router shares no state, nothing overrides the client's own connection, and tags choose among its own
# deployments: expressions that could take for ever are the operator's alone.
_WITHOUT_EFFECT = re.compile(r"(redis_|state_)|.*\.(configurable_clientside_auth_params|tag_regex)$")


class ClientConfig(NamedTuple):
    """`ignored` are the names in it that have no effect, and why."""

    deployments: tuple[Deployment, ...]
    router: RouterSettings
    ignored: tuple[Finding, ...] = ()


def load_client_config(user_config: object, providers: Mapping[str, Provider] = PROVIDERS) -> ClientConfig:
    """Raise BadRequestError whose `param` is the path, such as `user_config.model_list[0].litellm_params.rpm`."""
    try:
        return _load(user_config, providers)
    except InvalidConfig as error:
        problem = error.problems[0]
        separator = "" if problem.path.startswith("[") or not problem.path else "."
        param = f"user_config{separator}{problem.path}"
        raise BadRequestError(f"{param}: {problem.message}", param=param) from None
    except ConfigError as error:
        raise BadRequestError(f"user_config: {error}", param="user_config") from None


def _load(user_config: object, providers: Mapping[str, Provider]) -> ClientConfig:
    if longest := next(_long_lists(user_config), None):
        raise InvalidConfig((ConfigProblem(longest, f"must have at most {MOST_ENTRIES} entries"),))
    if slips := tuple(_slips(user_config)):
        raise InvalidConfig(slips)
    missing: list[Fault] = []
    loaded = load_user_config(resolve(user_config, {}, missing))
    if missing:
        raise InvalidConfig(tuple(ConfigProblem(item.path, "must be the value itself") for item in missing))
    if excesses := tuple(_excesses(loaded["model_list"], providers)):
        raise InvalidConfig(excesses)
    defaults = loaded.get("default_litellm_params")
    built = build_deployments(loaded["model_list"], None, providers, defaults=defaults)
    deployments = tuple(replace(item, configurable_clientside_auth_params=None, tag_regex=()) for item in built)
    router = build_router_settings(loaded)
    problems = tuple(check_groups(router, deployments, lambda name: name))
    if problems:
        raise InvalidConfig(problems)
    return ClientConfig(deployments, router, _ignored(user_config))


def _slips(user_config: object) -> Iterator[ConfigProblem]:
    """What an operator's file may hold with a warning, and a client gets as a 400: it can correct its request."""
    if not isinstance(user_config, Mapping):
        return
    strategy, entries = user_config.get("routing_strategy"), user_config.get("model_list")
    if isinstance(strategy, str) and strategy not in STRATEGIES:
        yield ConfigProblem("routing_strategy", f"must be one of {', '.join(STRATEGIES)}")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        params = entry.get("litellm_params") if isinstance(entry, Mapping) else None
        for name in _LIMITS:
            limit = params.get(name) if isinstance(params, Mapping) else None
            if isinstance(limit, int | float) and limit < 0:
                yield ConfigProblem(f"model_list[{position}].litellm_params.{name}", "must be at least 0")


def _ignored(user_config: object) -> tuple[Finding, ...]:
    names = user_findings(user_config) if isinstance(user_config, Mapping) else ()
    return tuple(item for item in names if item.status == "ignored" or _WITHOUT_EFFECT.match(item.path))


def _long_lists(user_config: object) -> Iterator[str]:
    """The paths of lists and objects that are too long."""
    pending: list[tuple[str, object]] = [("", user_config)]
    while pending:
        path, value = pending.pop()
        if not isinstance(value, Mapping | list):
            continue
        if len(value) > MOST_ENTRIES:
            yield path
        elif isinstance(value, Mapping):
            pending.extend((f"{path}.{name}" if path else str(name), member) for name, member in value.items())
        else:
            pending.extend((f"{path}[{position}]", item) for position, item in enumerate(value))


def _made_of(entry: Mapping[str, Any], providers: Mapping[str, Provider]) -> int:
    """How many deployments an entry becomes: one for each organization, and for each way to read the model `*`."""
    params = entry["litellm_params"]
    organization = params.get("organization")
    many = len(organization) if isinstance(organization, list | tuple) else 1
    return many * (len(providers) if params.get("model") == "*" and not params.get("custom_llm_provider") else 1)


def _excesses(model_list: Sequence[Mapping[str, Any]], providers: Mapping[str, Provider]) -> Iterator[ConfigProblem]:
    made = 0
    for position, entry in enumerate(model_list):
        made += _made_of(entry, providers)
        if made > MOST_MODELS:
            path = "model_list" if len(model_list) > MOST_MODELS else f"model_list[{position}]"
            yield ConfigProblem(path, f"must have at most {MOST_MODELS} models, each organization and provider counted")
            return
        if entry["model_name"].count("*") > MOST_STARS:
            yield ConfigProblem(f"model_list[{position}].model_name", f"must have at most {MOST_STARS} stars")
