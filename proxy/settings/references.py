"""`os.environ/NAME` in a configuration: replaced wherever it occurs, in plain lists too."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.settings.errors import ConfigError

_PREFIX = "os.environ/"
_DEEPEST = 50
_ENTRIES = ("model_list", "credential_list")


class Fault(NamedTuple):
    """A value that is missing or wrong: it is left out of the configuration, as if it were not written."""

    path: str
    reason: str


def resolve(value: Any, environ: Mapping[str, str], missing: list[Fault], path: str = "", depth: int = 0) -> Any:
    """`value` with its references replaced; what could not be is appended to `missing`. An empty variable is none."""
    if depth > _DEEPEST:
        raise ConfigError(f"{path[:80]}: is nested too deeply")
    if isinstance(value, str):
        return _resolve_text(value, environ, missing, path)
    if isinstance(value, Mapping):
        pairs = (
            (name, resolve(item, environ, missing, f"{path}.{name}" if path else str(name), depth + 1))
            for name, item in value.items()
        )
        return {name: item for name, item in pairs if item is not None}
    if isinstance(value, list):
        items = (
            (item, resolve(item, environ, missing, f"{path}[{position}]", depth + 1))
            for position, item in enumerate(value)
        )
        # Only out of lists of texts: an entry's position in its list is its name.
        plain = path not in _ENTRIES and all(isinstance(item, str) for item in value)
        return [resolved for item, resolved in items if resolved is not None or not plain]
    return value


def _resolve_text(text: str, environ: Mapping[str, str], missing: list[Fault], path: str) -> str | None:
    if text.startswith("oidc/"):
        missing.append(Fault(path, "oidc/ credentials are not fetched here"))
        return None
    if not text.startswith(_PREFIX):
        return text
    name = text.removeprefix(_PREFIX)
    found = environ.get(name)
    if not found:
        missing.append(Fault(path, f"the environment variable {name} is not set"))
    return found or None
