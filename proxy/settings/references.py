"""`os.environ/NAME` and references to secrets in a configuration: replaced wherever they occur, in plain lists too."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.settings.errors import ConfigError
from proxy.settings.secret_reader import SecretReader, is_reference
from proxy.settings.secret_store import SecretError

_PREFIX = "os.environ/"
_DEEPEST = 50
_ENTRIES = ("model_list", "credential_list")


class Fault(NamedTuple):
    """A value that is missing or wrong: it is left out of the configuration, as if it were not written."""

    path: str
    reason: str


def resolve(
    value: Any,
    environ: Mapping[str, str],
    missing: list[Fault],
    path: str = "",
    depth: int = 0,
    secrets: SecretReader | None = None,
) -> Any:
    """`value` with its references replaced; what could not be is appended to `missing`. An empty variable is none.

    Without `secrets` a reference to one is missing: a client's configuration must not read the gateway's files.
    """
    if depth > _DEEPEST:
        raise ConfigError(f"{path[:80]}: is nested too deeply")
    if isinstance(value, str):
        return _resolve_text(value, environ, missing, path, secrets)
    if isinstance(value, Mapping):
        pairs = (
            (name, resolve(item, environ, missing, f"{path}.{name}" if path else str(name), depth + 1, secrets))
            for name, item in value.items()
        )
        return {name: item for name, item in pairs if item is not None}
    if isinstance(value, list):
        items = (
            (item, resolve(item, environ, missing, f"{path}[{position}]", depth + 1, secrets))
            for position, item in enumerate(value)
        )
        # Only out of lists of texts: an entry's position in its list is its name.
        plain = path not in _ENTRIES and all(isinstance(item, str) for item in value)
        return [resolved for item, resolved in items if resolved is not None or not plain]
    return value


def _resolve_text(
    text: str, environ: Mapping[str, str], missing: list[Fault], path: str, secrets: SecretReader | None
) -> str | None:
    if text.startswith("oidc/"):
        missing.append(Fault(path, "oidc/ credentials are not fetched here"))
        return None
    if is_reference(text):
        return _read_secret(text, missing, path, secrets)
    if not text.startswith(_PREFIX):
        return text
    name = text.removeprefix(_PREFIX)
    hosted = secrets.read_hosted(name) if secrets is not None else None
    found = hosted or environ.get(name)
    if not found:
        missing.append(Fault(path, f"the environment variable {name} is not set"))
    return found or None


def _read_secret(text: str, missing: list[Fault], path: str, secrets: SecretReader | None) -> str | None:
    if secrets is None:
        missing.append(Fault(path, "must not be a reference to a secret"))
        return None
    try:
        return secrets.read(text)
    except SecretError as error:
        missing.append(Fault(path, f"{text.partition('#')[0][:100]}: {error}"))
        return None
