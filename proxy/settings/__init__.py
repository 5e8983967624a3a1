"""The configuration: the only place that reads the environment and the file, and hands on frozen values."""

from proxy.settings.client import ClientConfig, load_client_config
from proxy.settings.errors import ConfigError
from proxy.settings.load import environment, load, load_default
from proxy.settings.values import General, LiteLLM, Settings

__all__ = [
    "ClientConfig",
    "ConfigError",
    "General",
    "LiteLLM",
    "Settings",
    "environment",
    "load",
    "load_client_config",
    "load_default",
]
