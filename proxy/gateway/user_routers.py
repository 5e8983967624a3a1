"""Routers of clients that bring their own configuration (`user_config`), remembered between their requests.

Their cooldowns, limits and latencies mean something only if they outlive a request; so each configuration's router is
kept under a digest of it, in a table that is bounded and forgets what has not been used for a while.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy.domain.deployment import Deployment
from proxy.domain.secrets import MaskLease, SecretRegistry
from proxy.domain.user_config import UserConfig
from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.settings.client import load_client_config
from proxy.settings.credentials import secrets_of
from schemas.config import Finding

MOCK_PROVIDER = "mock/"
KEPT_ROUTERS = 1000
KEPT_SECONDS = 3600.0
# Of all kept routers together, as they are estimated: what a deployment takes beside the text of its configuration, and
# what that text takes as values.
KEPT_BYTES = 64 * 2**20
_DEPLOYMENT_BYTES = 4096
_BYTES_OF_ONE = 16
MOST_NAMED = 20
_POSITION = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class UserRouter:
    """What is remembered of a configuration: its router, the names in it without effect, its masked credentials, its mocks."""

    router: Router
    ignored: tuple[str, ...]
    mask_lease: MaskLease
    mocks: tuple[str, ...] = ()
    config_size: int = 0

    @property
    def size(self) -> int:
        """The bytes of memory that it takes, about."""
        return len(self.router.catalogue.deployments) * _DEPLOYMENT_BYTES + self.config_size * _BYTES_OF_ONE


@dataclass(slots=True)
class _Entry:
    client: UserRouter
    used_at: float


class UserRouters:
    """Safe for threads. `build` makes a client; it raises BadRequestError, naming the path, for a wrong configuration."""

    def __init__(
        self,
        build: Callable[[UserConfig], UserRouter],
        monotonic: Callable[[], float],
        kept: int = KEPT_ROUTERS,
        seconds: float = KEPT_SECONDS,
    ) -> None:
        self._build = build
        self._monotonic = monotonic
        self._kept = kept
        self._seconds = seconds
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, config: UserConfig) -> UserRouter:
        """The client of this configuration, built only when it is new or was not used for long."""
        now = self._monotonic()
        with self._lock:
            self._forget(now)
            entry = self._entries.get(config.digest)
            if entry is not None:
                entry.used_at = now
                self._entries.move_to_end(config.digest)
                return entry.client
        client = self._build(config)
        with self._lock:
            entry = self._entries.get(config.digest)
            if entry is None:
                entry = self._entries[config.digest] = _Entry(client, now)
                self._bytes += client.size
            self._forget(now)
            return entry.client

    def __len__(self) -> int:
        return len(self._entries)

    def _forget(self, now: float) -> None:
        """Oldest first: those beyond the bound, and those that have not been used for long."""
        while self._entries:
            entry = next(iter(self._entries.values()))
            fits = len(self._entries) <= self._kept and self._bytes <= KEPT_BYTES
            if fits and now - entry.used_at <= self._seconds:
                return
            _, forgotten = self._entries.popitem(last=False)
            self._bytes -= forgotten.client.size


def build_client(config: UserConfig, runtime: Runtime, secrets: SecretRegistry) -> UserRouter:
    """A router of a client's own: it sees only its own `model_list`, and nothing of the operator's environment.

    Raise BadRequestError that names the path inside `user_config`; by then the credentials in it are known, and masked.
    """
    mask_lease = secrets.lease(secrets_of(config.values))
    loaded = load_client_config(config.values)
    router = Router(loaded.deployments, loaded.router, runtime)
    return UserRouter(router, name_once(loaded.ignored), mask_lease, find_mocks(loaded.deployments), config.size)


def find_mocks(deployments: Iterable[Deployment]) -> tuple[str, ...]:
    """The names of the mocks in a client's own deployments: `mock_response` and its kin, and the provider `mock/`."""
    names = [name for deployment in deployments for name in deployment.mock]
    names += [MOCK_PROVIDER for deployment in deployments if deployment.provider == "mock"]
    return tuple(dict.fromkeys(names))


def name_once(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The paths of findings, each once for all entries of a list, and not more than a header can hold."""
    paths = dict.fromkeys(_POSITION.sub("[]", f"user_config.{finding.path}") for finding in findings)
    return tuple(paths)[:MOST_NAMED]
