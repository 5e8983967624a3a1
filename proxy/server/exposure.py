"""Who can reach the gateway: without a master key, only this machine may."""

import ipaddress
from collections.abc import Sequence

from proxy.settings.errors import ConfigError
from proxy.settings.values import Settings

# A listening socket's own name: (host, port, ...), or a path for a Unix socket.
Address = tuple[object, ...] | str | bytes
_PUBLIC_KEYS = frozenset(
    {"sk-1234", "sk-12345", "sk-123456", "sk-master", "sk-master-key", "sk-litellm", "sk-test", "sk-local"}
)
# Shorter or more uniform keys can be guessed.
_SHORTEST_KEY = 16
_FEWEST_CHARACTERS = 6


def check_exposure(settings: Settings, addresses: Sequence[Address]) -> tuple[str, ...]:
    """Warnings. Raise ConfigError where other machines could use the gateway without a key."""
    open_to = [describe(address) for address in addresses if not is_local(address)]
    if open_to and settings.master_key is None:
        raise ConfigError(
            f"Other machines can reach {', '.join(open_to)}, and there is no master key: set "
            "general_settings.master_key or the environment variable LITELLM_MASTER_KEY, or bind to 127.0.0.1"
        )
    weakness = _weakness(settings.master_key) if open_to and settings.master_key is not None else None
    return (f"the master key {weakness}: choose another one, such as sk-$(openssl rand -hex 24)",) if weakness else ()


def _weakness(key: str) -> str | None:
    """Why a key can be guessed; None where it can't."""
    if key.lower() in _PUBLIC_KEYS:
        return "is in every tutorial"
    if len(key) < _SHORTEST_KEY:
        return f"has only {len(key)} characters"
    return "repeats a few characters" if len(set(key.removeprefix("sk-"))) < _FEWEST_CHARACTERS else None


def is_local(address: Address) -> bool:
    """True for Unix sockets and loopback addresses; a name is believed only if it is `localhost`."""
    if isinstance(address, str | bytes):
        return True
    host = str(address[0]).strip("[]")
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() == "localhost"
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def describe(address: Address) -> str:
    if isinstance(address, str | bytes):
        return f"unix:{address.decode() if isinstance(address, bytes) else address}"
    host = str(address[0])
    return f"http://[{host}]:{address[1]}" if ":" in host else f"http://{host}:{address[1]}"
