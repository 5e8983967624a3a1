"""Fakes for router tests: a clock that only moves when told, dice with a seed, providers that answer by script."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from proxy.domain.answer import Answer, Reply
from proxy.domain.attempt import OnResult, Outcome, Result
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.router_settings import RouterSettings
from proxy.domain.usage import Usage
from proxy.domain.wire import Clocks
from proxy.errors import GatewayError, class_for_status
from proxy.routing.router import Router
from proxy.runtime import Runtime

START = 1_700_000_040.0


@dataclass
class Clock:
    """Unix and monotonic time in one; `sleep` moves it."""

    time: float = START
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def error(status: int, **facts: Any) -> GatewayError:
    return class_for_status(status)(f"provider says {status}", status_code=status, **facts)


USAGE = Usage(10, 20, 30)


@dataclass
class Provider:
    """Answers by deployment id: a status, an error, or a list of them, one for each call (the last one stays)."""

    clock: Clock
    script: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.1
    usage: Usage | None = USAGE
    sent: list[tuple[str, Call, Deployment, Clocks]] = field(default_factory=list)
    open: list[OnResult] = field(default_factory=list)
    hold: bool = False

    def __call__(self, call: Call, deployment: Deployment, clocks: Clocks, on_result: OnResult) -> Reply:
        self.sent.append((deployment.id, call, deployment, clocks))
        self.clock.time += self.seconds
        reaction = self._reaction(deployment.id)
        if isinstance(reaction, int):
            reaction = None if reaction == 200 else error(reaction)
        if reaction is not None:
            on_result(Result(self.seconds, reaction))
            raise reaction
        if self.hold:
            self.open.append(on_result)
        else:
            on_result(Result(self.seconds, usage=self.usage, first=self.seconds if call.stream else None))
        return Answer(b"{}", self.usage)

    def _reaction(self, deployment_id: str) -> Any:
        script = self.script.get(deployment_id, 200)
        if isinstance(script, list):
            return script.pop(0) if len(script) > 1 else script[0]
        return script

    @property
    def ids(self) -> list[str]:
        return [sent[0] for sent in self.sent]


@dataclass
class Bench:
    """A router with everything around it held still."""

    clock: Clock
    provider: Provider
    router: Router
    settings: RouterSettings

    def run(
        self, model: str = "g", *, stream: bool = False, body: Mapping[str, Any] | None = None, **options: Any
    ) -> Outcome:
        return self.router.run(self.call(model, stream=stream, body=body, **options), self.provider)

    def call(
        self, model: str = "g", *, stream: bool = False, body: Mapping[str, Any] | None = None, **options: Any
    ) -> Call:
        return call(model, stream=stream, body=body, started=self.clock.time, **options)

    def fails(self, model: str = "g", **options: Any) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            self.run(model, **options)
        return caught.value

    @property
    def ids(self) -> list[str]:
        return self.provider.ids


def call(
    model: str = "g",
    *,
    stream: bool = False,
    body: Mapping[str, Any] | None = None,
    started: float = START,
    **options: Any,
) -> Call:
    fields = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **(body or {})}
    return Call("call-1", CHAT, model, Document.of(fields), Options(**options), stream, started=started)


def deployment(name: str, group: str = "g", **fields: Any) -> Deployment:
    fields.setdefault("provider", "openai")
    fields.setdefault("model", f"model-{name}")
    return Deployment(id=name, group=group, **fields)


def build(
    *deployments: Deployment, seed: int = 1, state: Any = None, extras: Mapping[str, Any] | None = None, **settings: Any
) -> Bench:
    clock = Clock()
    runtime = Runtime(now=clock.now, monotonic=clock.now, sleep=clock.sleep, rng=random.Random(seed))
    chosen = replace(RouterSettings(), **settings)
    router = Router(deployments, chosen, runtime, state, **(extras or {}))
    return Bench(clock, Provider(clock), router, chosen)
