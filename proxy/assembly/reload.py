"""What a reload of the configuration changes in place, and what it needs new workers for."""

from dataclasses import fields

from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import SecretRegistry
from proxy.host.kept import Kept
from proxy.settings import LiteLLM, Settings
from proxy.settings.network import read_network

# Where the counts are kept: two stores at once would each count a part.
_STATE = ("state_store", "state_path", "redis_url", "redis_host", "redis_port", "redis_password", "redis_db")
# Those of litellm_settings that sinks and their queues are built from, and which are fields of LiteLLM.
_OBSERVED = frozenset({"callbacks", "success_callback", "failure_callback", "json_logs", "set_verbose"}) | {
    "require_auth_for_metrics_endpoint"
}
_IN_PLACE = ({field.name for field in fields(LiteLLM)} | {field.name for field in fields(RouterSettings)}) - _OBSERVED


def observation_inputs(settings: Settings) -> tuple[object, ...]:
    """What the sinks are built from."""
    return (*_sink_inputs(settings), dict(settings.environ))


def _sink_inputs(settings: Settings) -> tuple[object, ...]:
    sinks = {name: value for name, value in settings.sinks.items() if name not in _IN_PLACE}
    litellm = settings.litellm
    callbacks = (litellm.callbacks, litellm.success_callback, litellm.failure_callback)
    return (callbacks, sinks, settings.log_level, litellm.json_logs)


def transport_inputs(settings: Settings) -> tuple[object, ...]:
    """What connections to providers are made with."""
    litellm = settings.litellm
    network = read_network(settings.environ, litellm.ssl_verify)
    return (network, litellm.provider_url_destination_allowed_hosts)


def state_inputs(settings: Settings) -> tuple[object, ...]:
    """Where the router's state is kept."""
    return tuple(getattr(settings.router, name) for name in _STATE)


def find_worker_changes(old: Settings, new: Settings) -> tuple[str, ...]:
    """The names of changes that a running worker can't make: its successor starts with them."""
    changes = {
        "environment_variables": dict(old.environ) != dict(new.environ),
        "litellm_settings.ssl_verify, network or allowed hosts": transport_inputs(old) != transport_inputs(new),
        "router_settings.redis_* or state_*": state_inputs(old) != state_inputs(new),
        "callbacks and logging": _sink_inputs(old) != _sink_inputs(new),
    }
    return tuple(name for name, changed in changes.items() if changed)


def share_secrets(settings: Settings, kept: Kept) -> SecretRegistry:
    """The one registry of this process, which masks the values of this configuration from now on."""
    registry = kept.part("secrets", None, lambda: settings.secrets)
    registry.exchange(settings.secrets)
    return registry
