"""References to secrets outside the configuration: files, Vault, and the clouds' secret managers."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from proxy.settings.secret_store import ManagerDownError, SecretError, SecretStore

_FILE = "file/"
_MANAGERS = {
    "vault/": "hashicorp_vault",
    "aws-secret/": "aws_secret_manager",
    "gcp-secret/": "google_secret_manager",
    "azure-secret/": "azure_key_vault",
}
PREFIXES = ("file//", *_MANAGERS)
# A secret is a key, a certificate or a small JSON object.
_LARGEST = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9_./@:+=-]{1,512}")
# A placeholder where secrets are not fetched: the parent of the workers only checks that there is one.
UNFETCHED = "fetched-by-the-workers"


# (manager, environment) -> the manager. Raise SecretError for one that is not configured or not installed.
OpenManager = Callable[[str, Mapping[str, str]], SecretStore]


class _Hosted(NamedTuple):
    """`names` are the variables that the manager keeps, None for all; `primary` is the one secret that has them as fields."""

    system: str
    names: frozenset[str] | None
    primary: str | None


class SecretReader:
    """One per loading of a configuration: what is read twice is fetched once, and a manager that is down fails once.

    `files` are the paths that were read, `values` all secrets. `fetch` False: managers are not called.
    """

    def __init__(
        self, environ: Mapping[str, str], open_manager: OpenManager | None = None, *, fetch: bool = True
    ) -> None:
        self._environ = environ
        self._open_manager = open_manager or _open_manager
        self._fetch = fetch
        self._managers: dict[str, SecretStore | SecretError] = {}
        self._found: dict[str, str | SecretError] = {}
        self._hosted: _Hosted | None = None
        self.files: list[str] = []
        self.asked_managers = False

    def host(self, document: Mapping[str, Any]) -> None:
        """Follow general_settings.key_management_system, LiteLLM's way to keep what os.environ/NAME names in a manager."""
        general = document.get("general_settings")
        if not isinstance(general, Mapping) or not isinstance(general.get("key_management_system"), str):
            return
        given = general.get("key_management_settings")
        settings: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        names = settings.get("hosted_keys")
        primary = settings.get("primary_secret_name")
        self._hosted = _Hosted(
            general["key_management_system"],
            frozenset(str(name) for name in names) if isinstance(names, list) else None,
            primary if isinstance(primary, str) else None,
        )

    def read_hosted(self, variable: str) -> str | None:
        """A variable's value in the manager that hosts it; None where the environment has it."""
        hosted = self._hosted
        if hosted is None or (hosted.names is not None and variable not in hosted.names):
            return None
        name, field = (variable, None) if hosted.primary is None else (hosted.primary, variable)
        if hosted.system == "hashicorp_vault":
            mount = self._environ.get("HCP_VAULT_MOUNT_NAME") or "secret"
            prefix = self._environ.get("HCP_VAULT_PATH_PREFIX") or ""
            name = "/".join(part.strip("/") for part in (mount, prefix, name) if part)
        key = f"{hosted.system} {name}#{field}"
        if key not in self._found:
            try:
                self._found[key] = self.read_managed(hosted.system, name, field)
            except SecretError as error:
                self._found[key] = error
        found = self._found[key]
        return found if isinstance(found, str) and found != UNFETCHED else None

    @property
    def digest(self) -> str:
        """Changes with any secret that was read."""
        return hashlib.sha256(repr(sorted(self.values)).encode()).hexdigest() if self._found else ""

    @property
    def values(self) -> list[str]:
        return [value for value in self._found.values() if isinstance(value, str)]

    def read(self, reference: str) -> str:
        """Raise SecretError."""
        if reference not in self._found:
            try:
                self._found[reference] = self._read(reference)
            except SecretError as error:
                self._found[reference] = error
        found = self._found[reference]
        if isinstance(found, SecretError):
            raise found
        return found

    def _read(self, reference: str) -> str:
        if reference.startswith("file//"):
            return self._read_file(Path(reference.removeprefix(_FILE)))
        prefix = next(prefix for prefix in _MANAGERS if reference.startswith(prefix))
        name, _, field = reference.removeprefix(prefix).partition("#")
        return self.read_managed(_MANAGERS[prefix], name, field or None)

    def read_managed(self, system: str, name: str, field: str | None) -> str:
        """A secret of a manager, or one field of it."""
        self.asked_managers = True
        if not _NAME.fullmatch(name) or ".." in name.split("/") or (field and not _NAME.fullmatch(field)):
            raise SecretError("the name of the secret has characters that no secret's name has")
        if not self._fetch:
            return UNFETCHED
        return pick(self._manager(system).read(name), field)

    def _manager(self, system: str) -> SecretStore:
        if system not in self._managers:
            try:
                self._managers[system] = _Once(self._open_manager(system, self._environ))
            except SecretError as error:
                self._managers[system] = error
        found = self._managers[system]
        if isinstance(found, SecretError):
            raise found
        return found

    def _read_file(self, path: Path) -> str:
        """A regular file's text without one newline at its end, as `echo` and most tools write it."""
        self.files.append(str(path))
        shown = str(path)[:200]
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(file, "rb") as opened:
                if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                    raise SecretError(f"{shown} is not a file")
                content = opened.read(_LARGEST + 1)
        except OSError as error:
            raise SecretError(f"{shown} can't be read: {error.strerror}") from None
        except ValueError:
            raise SecretError("the path has a character that no path has") from None
        return _check(content, shown).removesuffix("\n").removesuffix("\r")


class _Once:
    """A manager that could not be reached is not called again by this loading: each call may take seconds."""

    def __init__(self, manager: SecretStore) -> None:
        self._manager = manager
        self._failed: ManagerDownError | None = None

    def read(self, name: str) -> str | Mapping[str, Any]:
        if self._failed is not None:
            raise self._failed
        try:
            return self._manager.read(name)
        except ManagerDownError as error:
            self._failed = error
            raise


def is_reference(text: str) -> bool:
    return text.startswith(PREFIXES)


def pick(secret: str | Mapping[str, Any], field: str | None) -> str:
    """A field of a secret; without one the text, the field `key`, or the only one. Raise SecretError."""
    if isinstance(secret, str):
        if field is None:
            return _check(secret.encode(), "the secret")
        secret = _fields_of(secret)
    if field is None:
        field = "key" if "key" in secret else next(iter(secret), "key") if len(secret) == 1 else None
    if field is None:
        raise SecretError("the secret has several fields: write #field behind its name")
    if field not in secret:
        raise SecretError(f"the secret has no field '{field}'")
    value = secret[field]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SecretError(f"the secret's field '{field}' is no text")
    return _check(str(value).encode(), "the secret")


def _fields_of(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SecretError("the secret is no JSON object: it has no fields")
    return found


def _check(content: bytes, name: str) -> str:
    if len(content) > _LARGEST:
        raise SecretError(f"{name} is larger than {_LARGEST // 1024} KB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretError(f"{name} is not UTF-8 text") from None
    if not text.strip():
        raise SecretError(f"{name} is empty")
    if "\0" in text:
        raise SecretError(f"{name} holds a NUL character")
    return text


def _open_manager(system: str, environ: Mapping[str, str]) -> SecretStore:
    from proxy.settings.secret_managers import open_manager  # noqa: PLC0415  its HTTP client, only where one is named

    return open_manager(system, environ)
