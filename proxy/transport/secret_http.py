"""HTTP to a secret manager: short, bounded, without redirects. Used while a configuration is loaded."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

_SECONDS = 5.0
_LARGEST = 1024 * 1024


class ManagerAnswer(NamedTuple):
    status: int
    content: Mapping[str, Any]


class ManagerUnreachableError(Exception):
    """No answer, or none that is JSON."""


class SecretManagerClient:
    """`verify`: True, or a file of authorities; `certificate`: (certificate, key) of this client."""

    def __init__(self, verify: bool | str = True, certificate: tuple[str, str] | None = None) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = verify
        self._session.cert = certificate

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> ManagerAnswer:
        """Raise ManagerUnreachableError."""
        try:
            with self._session.request(
                method, url, headers=dict(headers), json=body, timeout=_SECONDS, allow_redirects=False, stream=True
            ) as response:
                content = response.raw.read(_LARGEST + 1, decode_content=True)
                status = response.status_code
            found = json.loads(content) if content and len(content) <= _LARGEST else {}
        except (requests.RequestException, OSError, ValueError, RecursionError) as error:
            raise ManagerUnreachableError(type(error).__name__) from None
        except Exception as error:  # noqa: BLE001  urllib3's own, while the body is read
            raise ManagerUnreachableError(type(error).__name__) from None
        return ManagerAnswer(status, found if isinstance(found, dict) else {})
