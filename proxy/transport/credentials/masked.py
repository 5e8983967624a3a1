"""Tokens that were requested for a deployment are credentials: they are masked for as long as they are in use."""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from proxy.domain.deployment import Deployment
from proxy.domain.secrets import MaskLease, SecretRegistry
from proxy.domain.wire import WireRequest
from proxy.transport.credentials import Credentials

# The newest tokens; older ones have run out.
KEPT = 512
_HEADERS = ("authorization", "x-amz-security-token", "api-key", "x-api-key", "x-goog-api-key")
# What requests for tokens carry in their forms.
_FIELDS = frozenset(
    {"assertion", "client_assertion", "subject_token", "actor_token", "refresh_token", "client_secret", "apikey"}
)
_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 64 * 1024
# A signature is another one in each request; the key's id in it is not.
_SIGNED_BY = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]{8,128})/")


class TokenMasks:
    """Registers the credentials of requests. Safe for threads."""

    def __init__(self, secrets: SecretRegistry, kept: int = KEPT) -> None:
        self._secrets = secrets
        self._kept = kept
        self._lock = threading.Lock()
        self._holds: OrderedDict[str, MaskLease] = OrderedDict()

    def learn(self, request: WireRequest) -> None:
        """Mask from now on what the request shows as its credentials."""
        for token in (*_tokens(request.headers), *_form_values(request)):
            if token in self._holds:
                continue
            hold = self._secrets.lease([token])
            with self._lock:
                self._holds[token] = hold
                while len(self._holds) > self._kept:
                    self._holds.popitem(last=False)


class MaskedCredentials:
    """Credentials whose tokens are masked before they are sent anywhere."""

    def __init__(self, credentials: Credentials, masks: TokenMasks) -> None:
        self._credentials = credentials
        self._masks = masks

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        completed = self._credentials.apply(request, deployment)
        if completed is not request:
            self._masks.learn(completed)
        return completed


def _tokens(headers: Mapping[str, str]) -> Iterator[str]:
    for name in _HEADERS:
        value = headers.get(name)
        if not value:
            continue
        signed = _SIGNED_BY.match(value)
        yield signed[1] if signed else value.partition(" ")[2] or value


def _form_values(request: WireRequest) -> Iterator[str]:
    if request.headers.get("content-type") != _FORM or len(request.body) > _LONGEST_FORM:
        return
    for name, value in parse_qsl(bytes(request.body).decode("latin-1")):
        if name in _FIELDS:
            yield value
