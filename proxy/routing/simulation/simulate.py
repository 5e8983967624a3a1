"""The real router against simulated providers on a simulated clock: what a configuration would do, before it has to."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.domain.answer import Answer, Reply
from proxy.domain.attempt import OnResult, Result
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.router_settings import RouterSettings
from proxy.domain.usage import Usage
from proxy.domain.wire import Clocks
from proxy.errors import GatewayError, RateLimitError, Timeout, class_for_status
from proxy.routing.router import Price, Router
from proxy.routing.simulation.scenario import Behaviour, Scenario
from proxy.routing.simulation.simulated import World
from proxy.runtime import Runtime

# A whole minute, so that a scenario's times and the limits' minutes begin together.
START = 1_700_000_040.0


@dataclass(frozen=True)
class Served:
    """What one deployment got and gave."""

    sent: int = 0
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Report:
    """What came of a run. `latencies` are seconds of the requests that succeeded, sorted; `added_load` is a share."""

    requests: int
    succeeded: int
    sent: int
    latencies: Sequence[float]
    errors: Mapping[int, int]
    deployments: Mapping[str, Served]

    @property
    def success_rate(self) -> float:
        return self.succeeded / self.requests if self.requests else 1.0

    @property
    def added_load(self) -> float:
        return self.sent / self.requests - 1.0 if self.requests else 0.0

    def percentile(self, share: float) -> float | None:
        if not self.latencies:
            return None
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    def rows(self) -> list[tuple[str, str]]:
        """What to print: names and values."""
        percentiles = [(f"latency p{round(100 * share)}", self.percentile(share)) for share in (0.5, 0.9, 0.95, 0.99)]
        return [
            ("requests", str(self.requests)),
            ("success rate", f"{100 * self.success_rate:.3f} %"),
            ("added load", f"{100 * self.added_load:+.2f} %"),
            *((name, "-" if value is None else f"{value:.3f} s") for name, value in percentiles),
            *((f"status {status}", str(number)) for status, number in sorted(self.errors.items())),
            *(
                (f"deployment {name}", f"{one.sent} sent, {one.succeeded} ok, {one.failed} failed")
                for name, one in sorted(self.deployments.items())
            ),
        ]


def simulate(
    deployments: Sequence[Deployment], settings: RouterSettings, scenario: object, price: Price | None = None
) -> Report:
    """Run the scenario (see scenario.py) against a router with this configuration and its own state.

    `price` is the router's. Raise ScenarioError.
    """
    return _Run(deployments, settings, Scenario.of(scenario), price).report()


def compare(reports: Mapping[str, Report]) -> str:
    """Reports side by side, one column each, as text."""
    columns = {name: dict(report.rows()) for name, report in reports.items()}
    labels = list(dict.fromkeys(label for column in columns.values() for label in column))
    table = [["", *columns], *([label, *(column.get(label, "-") for column in columns.values())] for label in labels)]
    widths = [max(len(row[position]) for row in table) for position in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


class _Run:
    """One run: arrivals, providers, counts."""

    def __init__(
        self, deployments: Sequence[Deployment], settings: RouterSettings, scenario: Scenario, price: Price | None
    ) -> None:
        self._scenario = scenario
        self._world = World(START)
        self._dice = random.Random(scenario.seed)  # noqa: S311 - to be the same again is what it is for
        routers_dice = random.Random(scenario.seed + 1)  # noqa: S311
        runtime = Runtime(self._world.now, self._world.now, self._world.sleep, lambda: "simulated", routers_dice)
        self._router = Router(deployments, settings, runtime, price=price)
        scenario.check_names(deployments, self._router.catalogue.find)
        self._behaviours = {one.id: scenario.behaviour(one) for one in deployments}
        self._minutes: Counter[tuple[str, int]] = Counter()
        self._sent: Counter[str] = Counter()
        self._succeeded: Counter[str] = Counter()
        self._errors: Counter[int] = Counter()
        self._latencies: list[float] = []
        self._requests = 0

    def report(self) -> Report:
        self._schedule()
        self._world.run()
        return Report(
            requests=self._requests,
            succeeded=len(self._latencies),
            sent=self._sent.total(),
            latencies=sorted(self._latencies),
            errors=dict(self._errors),
            deployments={
                name: Served(self._sent[name], self._succeeded[name], self._sent[name] - self._succeeded[name])
                for name in self._behaviours
            },
        )

    def _schedule(self) -> None:
        scenario = self._scenario
        shares = dict(scenario.models) or dict.fromkeys(self._router.catalogue.names(), 1.0)
        time = self._dice.expovariate(scenario.requests_per_second)
        while time < scenario.seconds:
            model = self._dice.choices(list(shares), list(shares.values()))[0]
            self._world.at(START + time, lambda model=model: self._request(model))  # type: ignore[misc]
            self._requests += 1
            time += self._dice.expovariate(scenario.requests_per_second)

    def _request(self, model: str) -> None:
        started = self._world.now()
        document = Document.of({"model": model, "messages": [{"role": "user", "content": "x"}]})
        options = Options(timeout=self._scenario.timeout)
        call = Call("simulated", CHAT, model, document, options, self._scenario.stream, started=started)
        try:
            self._router.run(call, self._send)
        except GatewayError as error:
            self._errors[error.status_code] += 1
        else:
            self._latencies.append(self._world.now() - started)

    def _send(self, call: Call, deployment: Deployment, clocks: Clocks, on_result: OnResult) -> Reply:
        behaviour = self._behaviours[deployment.id]
        self._sent[deployment.id] += 1
        error = self._refused(deployment.id, behaviour)
        if error is None:
            seconds = self._varied(behaviour.seconds, behaviour)
            first = min(seconds, self._varied(behaviour.first, behaviour)) if call.stream else seconds
            error = self._wait(first, clocks)
        if error is not None:
            on_result(Result(0.0, error))
            raise error
        usage = Usage(self._scenario.tokens[0], self._scenario.tokens[1], sum(self._scenario.tokens))
        self._succeeded[deployment.id] += 1
        self._settle_later(
            on_result, Result(seconds, usage=usage, first=first if call.stream else None), seconds - first
        )
        return Answer(b"{}", usage)

    def _settle_later(self, on_result: OnResult, result: Result, seconds: float) -> None:
        """A stream goes on after its first content."""
        if seconds > 0:
            self._world.at(self._world.now() + seconds, lambda: on_result(result))
        else:
            on_result(result)

    def _refused(self, name: str, behaviour: Behaviour) -> GatewayError | None:
        """The error of a provider that fails, is down, or has enough for this minute."""
        now = self._world.now()
        self._minutes[name, int(now // 60)] += 1
        full = behaviour.rpm is not None and self._minutes[name, int(now // 60)] > behaviour.rpm
        down = any(start <= now - START < end for start, end in behaviour.down)
        unlucky = self._dice.random() < behaviour.errors
        if not (full or down or unlucky):
            return None
        self._world.sleep(behaviour.error_seconds)
        if full:
            return RateLimitError(f"{name} has enough", retry_after=behaviour.retry_after)
        return class_for_status(behaviour.status)(
            f"{name} fails", status_code=behaviour.status, retry_after=behaviour.retry_after
        )

    def _wait(self, seconds: float, clocks: Clocks) -> GatewayError | None:
        """Until the answer, or until a clock ends the try."""
        limit = min(clock for clock in (clocks.first, clocks.total, seconds) if clock is not None)
        self._world.sleep(max(0.0, limit))
        return None if limit >= seconds else Timeout("the simulated provider was too slow")

    def _varied(self, seconds: float, behaviour: Behaviour) -> float:
        return max(0.001, seconds * self._dice.uniform(1 - behaviour.spread, 1 + behaviour.spread))
