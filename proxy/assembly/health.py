"""Background health checks, where the configuration asks for them."""

from collections.abc import Iterator
from pathlib import Path

from proxy.gateway.background_health import BackgroundHealth
from proxy.gateway.inspection import Inspection
from proxy.host.config_state import SUFFIX
from proxy.host.kept import Kept
from proxy.routing.dead_deployments import DeadDeployments
from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.settings import Settings
from proxy.sinks.contract import GaugeSample
from proxy.sinks.observation import Observation

_FILE = "health.json"


def build_background_health(
    settings: Settings,
    inspection: Inspection,
    router: Router,
    observation: Observation,
    runtime: Runtime,
    kept: Kept,
    shared_path: Path | None,
) -> BackgroundHealth:
    """The checks of this process, which a reload changes; nothing runs before `start`."""
    general = settings.general
    folder = shared_path.with_suffix(SUFFIX) if shared_path else None
    path = folder / _FILE if folder is not None and folder.is_dir() else None
    health = kept.part("background health", observation, lambda: _build(path, observation, runtime))
    health.configure(
        inspection.check_background_health if general.background_health_checks else None, general.health_check_interval
    )
    if general.background_health_checks and general.enable_health_check_routing:
        router.avoided = DeadDeployments(router.catalogue, lambda: health.unhealthy)
    return health


def _build(path: Path | None, observation: Observation, runtime: Runtime) -> BackgroundHealth:
    health = BackgroundHealth(path, runtime)
    if observation.metrics is not None:
        observation.metrics.watch(lambda: _gauges(health), shared=True)
    return health


def _gauges(health: BackgroundHealth) -> Iterator[GaugeSample]:
    for value, entries in ((1, health.report.healthy), (0, health.report.unhealthy)):
        for entry in entries:
            labels = {"model_group": entry["model_name"], "model_id": entry["model_id"]}
            yield GaugeSample("patchbay_deployment_answers", value, labels)
