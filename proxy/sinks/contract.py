"""What a sink is, and what it is built from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from proxy.domain.record import CallRecord
from proxy.runtime import Runtime


class SinkError(Exception):
    """A sink could not take a batch. The message is ours and may be logged: no address, no credential in it."""


class SinkSetupError(Exception):
    """A sink cannot be built; the message names the missing setting or package."""


class Sink(Protocol):
    """Watches finished calls, from one thread of its own.

    `tries`: how often a batch is offered before it counts as lost; more than one only where a repeated batch does no
    harm. `anonymous`: never shows prompt, answer or metadata, so it may see calls that ask not to be logged.
    """

    @property
    def name(self) -> str: ...

    @property
    def tries(self) -> int: ...

    @property
    def anonymous(self) -> bool: ...

    def write(self, records: Sequence[CallRecord]) -> None:
        """Take a batch; anything raised means that it was not taken."""

    def close(self) -> None:
        """Give up what is held; called once, from the same thread."""


class GaugeSample(NamedTuple):
    """The current value of a gauge of METRICS."""

    name: str
    value: float
    labels: Mapping[str, str] = {}


GaugeSource = Callable[[], Iterable[GaugeSample]]
# What is known of a deployment by its id: labels `litellm_model_name`, `api_base`, `api_provider`.
DeploymentLabels = Callable[[str], Mapping[str, str] | None]


@runtime_checkable
class Metrics(Protocol):
    """The sink behind /metrics, as far as the gateway needs it."""

    @property
    def content_type(self) -> str: ...

    def watch(self, source: GaugeSource, *, shared: bool = False) -> None:
        """Ask `source` for its gauges from now on; what is `shared` by all workers only for a rendering."""

    def show(self, samples: Iterable[GaugeSample]) -> None:
        """Set gauges of this process."""

    def know_deployments(self, labels: DeploymentLabels) -> None:
        """Where the labels of a deployment that was tried, but did not answer, come from."""

    def know_models(self, is_model: Callable[[str], bool], configured: Iterable[str]) -> None:
        """Whether the configuration serves a name, and the names that it spells out."""

    def add(self, name: str, labels: Mapping[str, str], amount: float = 1.0) -> None:
        """Count something that is not a call."""

    def render(self) -> bytes:
        """The text of /metrics."""


class Posted(NamedTuple):
    """What a receiver answered."""

    status: int
    body: bytes


# (url, body, headers) -> answer. The application hands in one that goes through the transport; raises on no answer.
Post = Callable[[str, bytes, Mapping[str, str]], Posted]


@dataclass(frozen=True)
class SinkContext:
    """What a sink may be built from. `settings` is `litellm_settings` (and `callback_settings` in it), `environ` the
    environment as the settings read it, `terminal` whether a person looks at the log."""

    post: Post
    runtime: Runtime
    settings: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    terminal: bool = False
    version: str = ""

    def options(self, name: str) -> Mapping[str, Any]:
        """`callback_settings.<name>`."""
        named = (self.settings.get("callback_settings") or {}).get(name)
        return named if isinstance(named, Mapping) else {}


def check_posted(posted: Posted) -> Posted:
    """The answer, if the receiver took the batch; raise SinkError otherwise."""
    if not 200 <= posted.status < 300:
        raise SinkError(f"the receiver answered {posted.status}")
    return posted
