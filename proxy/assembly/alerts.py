"""Where alerts are sent."""

from pathlib import Path

from proxy.assembly.observation import build_post
from proxy.dispatch.exchange import Sender
from proxy.gateway.alerts import Alerts, Receiver, both
from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.settings import ConfigError, Settings

# The variable with the address, by the name in `alerting`.
_SLACK, _WEBHOOK = "SLACK_WEBHOOK_URL", "WEBHOOK_URL"


def build_alerts(settings: Settings, transport: Sender, runtime: Runtime, shared_path: Path | None) -> Alerts | None:
    """None where the configuration asks for none. `shared_path`: see build_parts.

    Raise ConfigError for a receiver without an address.
    """
    general, environ = settings.general, settings.environ
    receivers = []
    if "slack" in general.alerting:
        receivers.append(Receiver(_address(environ.get("SLACK_WEBHOOK_URL"), _SLACK), "slack"))
    if "webhook" in general.alerting:
        receivers.append(Receiver(_address(environ.get("WEBHOOK_URL"), _WEBHOOK), "webhook"))
    if not receivers:
        return None
    folder = settings.state_folder / "alerts" if shared_path else None
    return Alerts(receivers, general.alert_types, build_post(transport), runtime, folder)


def watch_cooldowns(router: Router, alerts: Alerts | None) -> None:
    """Alert of the deployments that the router takes out of service."""
    if alerts is not None:
        router.on_cooldown = both(router.on_cooldown, alerts.on_cooldown)


def alert_inputs(settings: Settings) -> tuple[object, ...]:
    """What alerts are built from."""
    general, environ = settings.general, settings.environ
    return (general.alerting, general.alert_types, environ.get(_SLACK), environ.get(_WEBHOOK), settings.state_folder)


def _address(url: str | None, variable: str) -> str:
    if not url or not url.startswith(("http://", "https://")):
        raise ConfigError(f"general_settings.alerting: set {variable} to the receiver's URL")
    return url
