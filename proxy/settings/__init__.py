"""The configuration: the only place that reads the environment and the file, and hands on frozen values."""

from proxy.settings.errors import ConfigError
from proxy.settings.load import load, load_default
from proxy.settings.values import General, LiteLLM, Settings

__all__ = ["ConfigError", "General", "LiteLLM", "Settings", "load", "load_default"]
