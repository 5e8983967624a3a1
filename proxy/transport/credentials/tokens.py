"""Tokens that are bought with something longer-lived, and kept until they are about to run out."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from proxy.domain.deployment import Deployment
from proxy.errors import AuthenticationError, InvalidProviderResponseError

# Clients bring credentials of their own: only so many are remembered.
KEPT = 512
# Seconds before its end at which a token is no longer used.
MARGIN = 300.0

# A new token and the seconds that it lives.
Buy = Callable[[], tuple[str, float]]


class TokenCache:
    """Tokens by what they were bought with, of which only a digest is kept. `monotonic` is in seconds. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float], kept: int = KEPT) -> None:
        self._monotonic = monotonic
        self._kept = kept
        self._lock = threading.Lock()
        self._tokens: OrderedDict[bytes, _Token] = OrderedDict()

    def read(self, secret: str, buy: Buy) -> str:
        """The token for `secret`; one thread buys it, the others wait. Raises what `buy` raises."""
        key = hashlib.blake2b(secret.encode(), digest_size=16).digest()
        with self._lock:
            token = self._tokens.setdefault(key, _Token())
            self._tokens.move_to_end(key)
            while len(self._tokens) > self._kept:
                self._tokens.popitem(last=False)
        return token.read(buy, self._monotonic)


class _Token:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: str | None = None
        self._until = 0.0

    def read(self, buy: Buy, monotonic: Callable[[], float]) -> str:
        with self._lock:
            if self._value is None or monotonic() >= self._until:
                now = monotonic()
                self._value, seconds = buy()
                self._until = now + max(seconds - MARGIN, seconds / 2)
            return self._value


def read_answer(who: str, body: bytes, deployment: Deployment) -> dict[str, Any]:
    """The object that a token service answered with; raise InvalidProviderResponseError for anything else."""
    try:
        answer = orjson.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise InvalidProviderResponseError(f"{who} answered without JSON", provider=deployment.provider)
    return answer


def read_token(
    who: str, status: int, answer: Mapping[str, Any], reason: object, deployment: Deployment
) -> tuple[str, float]:
    """The token and the seconds that it lives. Raise AuthenticationError where the service refuses."""
    if 400 <= status < 500:
        raise AuthenticationError(
            f"{who} gave no token: {reason or 'no reason was given'!s:.500}", provider=deployment.provider
        )
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if status != 200 or not isinstance(token, str) or not token:
        raise InvalidProviderResponseError(f"{who} answered without a token", provider=deployment.provider)
    return token, float(seconds) if isinstance(seconds, int | float) else 600.0
