"""A simulation's input: the requests, and the behaviour of the providers.

A scenario is a mapping, every part of it optional:

    seed: 1                     the same seed gives the same run
    seconds: 300                how long requests arrive
    requests_per_second: 20     on average; they arrive at random
    models: {gpt-4o: 3, mini: 1}  the names asked for, with their shares; by default each group alike
    stream: false
    timeout: 30                 the clients' own
    tokens: [500, 200]          prompt and answer
    providers:                  by deployment id, by model group, or "*" for all others; parts add up in that order
      "*": {seconds: 0.8, spread: 0.3, first: 0.2}
      eu-1: {errors: 0.5, status: 503}
      eu-2: {seconds: 20}
      eu-3: {down: [[60, 180]], retry_after: 30}
      eu-4: {rpm: 60}

`spread` is the share by which times vary, `first` the time to a stream's first token, `errors` the share of calls that
fail with `status` after `error_seconds`, `down` the times (from, to) at which all calls fail, `rpm` what the provider
itself lets through in a minute before it answers 429.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.domain.deployment import Deployment


class ScenarioError(ValueError):
    """The scenario is not one; the message names the part."""


@dataclass(frozen=True)
class Behaviour:
    """How one simulated provider acts; times in seconds."""

    seconds: float = 1.0
    spread: float = 0.2
    first: float = 0.3
    errors: float = 0.0
    status: int = 500
    error_seconds: float = 0.05
    retry_after: float | None = None
    rpm: int | None = None
    down: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class Scenario:
    """The mapping of the module's docstring, with its defaults."""

    seed: int = 1
    seconds: float = 300.0
    requests_per_second: float = 20.0
    models: Mapping[str, float] = field(default_factory=dict)
    stream: bool = False
    timeout: float | None = None
    tokens: Sequence[int] = (500, 200)
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: object) -> "Scenario":
        """Raise ScenarioError for a name that means nothing, or a value that can't be."""
        scenario = cls(**_checked(values, cls, "scenario"))
        for name, behaviour in scenario.providers.items():
            _checked(behaviour, Behaviour, f"providers.{name}")
        return scenario

    def check_names(self, deployments: Sequence[Deployment], models: Callable[[str], object]) -> None:
        """Raise ScenarioError for a provider that is none of `deployments`, or a model that `models` does not find."""
        known = {"*", *(one.id for one in deployments), *(one.group for one in deployments)}
        _check_known(self.providers, known, "providers")
        _check_known(self.models, [name for name in self.models if models(name)], "models")

    def behaviour(self, deployment: Deployment) -> Behaviour:
        parts = (self.providers.get(name, {}) for name in ("*", deployment.group, deployment.id))
        return Behaviour(**{name: value for part in parts for name, value in part.items()})


def _is_number(value: object, most: float = math.inf) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and _is_number(value)


def _is_share(value: object) -> bool:
    return _is_number(value, most=1)


def _is_list(value: object, member: Callable[[object], bool]) -> bool:
    return isinstance(value, list | tuple) and all(map(member, value))


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and _is_list(value, _is_number)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


_NUMBER = (_is_number, "a number of at least 0")
_WHOLE = (_is_whole, "a whole number of at least 0")
_SHARE = (_is_share, "a share between 0 and 1")
# The valid values of a name, and their description; all others are numbers. A name has one meaning everywhere.
_RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "seed": _WHOLE,
    "requests_per_second": (lambda value: _is_number(value) and value != 0, "a number above 0"),
    "models": (
        lambda value: isinstance(value, Mapping) and all(map(_is_number, value.values())),
        "a mapping of models to shares",
    ),
    "stream": (lambda value: isinstance(value, bool), "true or false"),
    "tokens": (lambda value: _is_pair(value) and _is_list(value, _is_whole), "two whole numbers"),
    "providers": (_is_mapping, "a mapping of providers to what they do"),
    "spread": _SHARE,
    "errors": _SHARE,
    "status": (lambda value: value in range(400, 600), "a status from 400 to 599"),
    "rpm": _WHOLE,
    "down": (lambda value: _is_list(value, _is_pair), "a list of pairs [from, to]"),
}


def _checked(values: object, known: type[Any], path: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ScenarioError(f"{path} must be a mapping")
    _check_known(values, list(known.__dataclass_fields__), path)
    for name, value in values.items():
        fits, words = _RULES.get(name, _NUMBER)
        if not fits(value):
            raise ScenarioError(f"{path}.{name} must be {words}")
    return dict(values)


def _check_known(values: Mapping[str, Any], known: Collection[str], path: str) -> None:
    for name in values:
        if name not in known:
            raise ScenarioError(f"{path}.{name} is unknown; there is {', '.join(sorted(known))}")
