"""Entra ID tokens: Microsoft is a function of this file."""

import json
import threading
from collections.abc import Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError, GatewayError, InvalidProviderResponseError
from proxy.transport.credentials.azure import SCOPE, AzureCredentials

REQUEST = WireRequest("https://resource.openai.azure.com/openai/v1/chat/completions", b"{}", {"accept": "a"})
PRINCIPAL = {"tenant_id": "tenant", "client_id": "client", "client_secret": "hidden"}


class Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._body = body

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...


class Microsoft:
    """Gives tokens numbered from one, valid for an hour; or what it is told to answer."""

    def __init__(self, status: int = 200, body: bytes | None = None) -> None:
        self.status = status
        self.body = body
        self.requests: list[WireRequest] = []

    def __call__(self, request: WireRequest) -> Answer:
        self.requests.append(request)
        token = {"access_token": f"token-{len(self.requests)}", "expires_in": 3600}
        return Answer(self.status, json.dumps(token).encode() if self.body is None else self.body)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def build_deployment(**connection: Any) -> Deployment:
    return Deployment("1", "group", "azure", "gpt-4o", connection)


def test_token_is_asked_of_the_tenant_when_a_principal_is_configured() -> None:
    microsoft = Microsoft()
    signed = AzureCredentials(microsoft, Clock()).apply(REQUEST, build_deployment(**PRINCIPAL))
    assert signed.headers == {"accept": "a", "authorization": "Bearer token-1"}
    assert REQUEST.headers == {"accept": "a"}
    [asked] = microsoft.requests
    assert asked.url == "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client"],
        "client_secret": ["hidden"],
        "scope": [SCOPE],
    }


@pytest.mark.parametrize("header", ["api-key", "authorization", "x-api-key"])
def test_request_stays_as_it_is_when_it_has_credentials(header: str) -> None:
    request = WireRequest("https://x.example", b"", {header: "mine"})
    assert AzureCredentials(Microsoft(), Clock()).apply(request, build_deployment(**PRINCIPAL)) is request


def test_token_is_fetched_once_when_many_ask_for_it() -> None:
    microsoft = Microsoft()
    credentials = AzureCredentials(microsoft, Clock())
    threads = [
        threading.Thread(target=credentials.apply, args=(REQUEST, build_deployment(**PRINCIPAL))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(microsoft.requests) == 1


def test_token_is_fetched_again_when_it_is_about_to_run_out() -> None:
    microsoft, clock = Microsoft(), Clock()
    credentials = AzureCredentials(microsoft, clock)
    credentials.apply(REQUEST, build_deployment(**PRINCIPAL))
    clock.now += 3299
    assert credentials.apply(REQUEST, build_deployment(**PRINCIPAL)).headers["authorization"] == "Bearer token-1"
    clock.now += 1
    assert credentials.apply(REQUEST, build_deployment(**PRINCIPAL)).headers["authorization"] == "Bearer token-2"


def test_tokens_are_apart_when_the_principals_are() -> None:
    credentials = AzureCredentials(Microsoft(), Clock())
    first = credentials.apply(REQUEST, build_deployment(**PRINCIPAL))
    second = credentials.apply(REQUEST, build_deployment(**{**PRINCIPAL, "client_secret": "other"}))
    assert first.headers["authorization"] != second.headers["authorization"]


def test_tokens_are_forgotten_when_there_are_too_many() -> None:
    microsoft = Microsoft()
    credentials = AzureCredentials(microsoft, Clock(), kept=2)
    for secret in ("a", "b", "c", "a"):
        credentials.apply(REQUEST, build_deployment(**{**PRINCIPAL, "client_secret": secret}))
    assert len(microsoft.requests) == 4


def test_tenant_can_lead_nowhere_else_when_it_is_no_plain_name() -> None:
    microsoft = Microsoft()
    AzureCredentials(microsoft, Clock()).apply(REQUEST, build_deployment(**{**PRINCIPAL, "tenant_id": "../x?y#z"}))
    assert microsoft.requests[0].url == "https://login.microsoftonline.com/..%2Fx%3Fy%23z/oauth2/v2.0/token"


def test_refusal_is_an_authentication_error_when_microsoft_names_a_reason() -> None:
    microsoft = Microsoft(401, b'{"error": "invalid_client", "error_description": "AADSTS7000215: wrong secret"}')
    with pytest.raises(AuthenticationError, match="AADSTS7000215") as caught:
        AzureCredentials(microsoft, Clock()).apply(REQUEST, build_deployment(**PRINCIPAL))
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b"{}"), (503, b"{}"), (200, b"[]")])
def test_nonsense_is_a_provider_error_when_microsoft_answers_it(status: int, body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        AzureCredentials(Microsoft(status, body), Clock()).apply(REQUEST, build_deployment(**PRINCIPAL))


def test_what_is_missing_is_named_when_there_are_no_credentials() -> None:
    with pytest.raises(AuthenticationError, match="client_secret"):
        AzureCredentials(Microsoft(), Clock()).apply(REQUEST, build_deployment(tenant_id="tenant"))


def load_fake() -> ModuleType:
    module = ModuleType("azure.identity")
    module.DefaultAzureCredential = lambda: SimpleNamespace(  # type: ignore[attr-defined]
        get_token=lambda scope: SimpleNamespace(token=f"managed for {scope}")
    )
    return module


def test_token_is_the_identitys_when_one_is_named() -> None:
    credentials = AzureCredentials(Microsoft(), Clock(), load_fake)
    signed = credentials.apply(REQUEST, build_deployment(azure_credential="DefaultAzureCredential"))
    assert signed.headers["authorization"] == f"Bearer managed for {SCOPE}"


def test_identity_is_the_operators_when_a_client_names_the_destination() -> None:
    overrides = {"api_base": "https://elsewhere.example", "azure_credential": "DefaultAzureCredential"}
    deployment = build_deployment(**PRINCIPAL).with_overrides(overrides)
    with pytest.raises(AuthenticationError, match="No Azure credentials"):
        AzureCredentials(Microsoft(), Clock(), load_fake).apply(REQUEST, deployment)


def test_names_are_listed_when_the_identity_is_unknown() -> None:
    with pytest.raises(AuthenticationError, match="ManagedIdentityCredential"):
        AzureCredentials(Microsoft(), Clock(), load_fake).apply(REQUEST, build_deployment(azure_credential="object"))


def test_extra_is_named_when_azure_identity_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "azure.identity", None)
    with pytest.raises(GatewayError, match=r"patchbay\[azure\]"):
        AzureCredentials(Microsoft(), Clock()).apply(REQUEST, build_deployment(azure_credential="AzureCliCredential"))
