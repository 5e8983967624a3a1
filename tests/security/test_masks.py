"""Credentials are masked wherever they come from and wherever they could show."""

import base64
import json
from typing import Any

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.secret_names import mask_members, mask_quotes
from proxy.domain.secrets import MASK, SecretRegistry, clean_url
from proxy.domain.wire import WireRequest
from proxy.settings.credentials import build_registry, secrets_of
from proxy.settings.router import RouterSettings
from proxy.transport.credentials.masked import MaskedCredentials, TokenMasks
from tests.security.wire import MESSAGES, Wire, application, entry

TOKEN = "eyJhbGciOi.bought-token.0123456789"
DEPLOYMENT = Deployment("1", "group", "azure", "gpt-4o", {})
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Buys:
    """Credentials that put a header on the request."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        return request._replace(headers={**request.headers, self._name: self._value})


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("authorization", f"Bearer {TOKEN}", TOKEN),
        ("x-amz-security-token", TOKEN, TOKEN),
        ("authorization", "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE1234/20260101/us-east-1/bedrock", "ASIAEXAMPLE1234"),
    ],
)
def test_token_is_masked_when_the_gateway_has_requested_it(name: str, value: str, hidden: str) -> None:
    secrets = SecretRegistry()
    credentials = MaskedCredentials(Buys(name, value), TokenMasks(secrets))
    credentials.apply(WireRequest("https://h/", b"{}", {}), DEPLOYMENT)
    assert hidden not in secrets.mask(f"refused: {hidden}")


@pytest.mark.parametrize("field", ["assertion", "subject_token", "client_secret", "apikey"])
def test_form_for_a_token_is_masked(field: str) -> None:
    secrets = SecretRegistry()
    TokenMasks(secrets).learn(WireRequest("https://h/", f"{field}={TOKEN}&grant_type=x".encode(), FORM))
    assert secrets.mask(TOKEN) == MASK


def test_tokens_are_bounded() -> None:
    masks = TokenMasks(SecretRegistry(passing_limit=8), kept=16)
    for number in range(200):
        masks.learn(WireRequest("https://h/", b"", {"authorization": f"Bearer token-number-{number}"}))
    assert len(masks._holds) == 16


@pytest.mark.parametrize(
    ("values", "hidden"),
    [
        ({"extra_headers": {"x-anything": "value-of-any-name"}}, "value-of-any-name"),
        ({"headers": {"x-tenant": "Bearer tenant-bearer"}}, "tenant-bearer"),
        ({"api_base": "https://user:pass%20word@h/v1"}, "pass word"),
        ({"api_base": "https://user:password1@h/v1"}, base64.b64encode(b"user:password1").decode()),
        ({"api_base": "https://only-a-token@h/v1"}, "only-a-token"),
        ({"api_base": "https://h/v1?code=1&sig=signature1"}, "signature1"),
        ({"api_base": "https://h/hooks/abcDEF1234567890abcdef12"}, "abcDEF1234567890abcdef12"),
        ({"vertex_credentials": json.dumps({"private_key": "-----BEGIN KEY-----"})}, "-----BEGIN KEY-----"),
        ({"extra_body": {"auth": "auth-value"}}, "auth-value"),
        ({"extra_body": {"deep": [{"userPwd": "pwd-value"}]}}, "pwd-value"),
    ],
)
def test_configured_credential_is_known(values: dict[str, Any], hidden: str) -> None:
    assert hidden in set(secrets_of(values))


@pytest.mark.parametrize("name", ["user-agent", "HTTP-Referer", "X-Title", "content-type", "anthropic-beta"])
def test_plain_header_is_no_credential(name: str) -> None:
    assert not [*secrets_of({"extra_headers": {name: "https://example.com/app"}})]


def test_password_in_a_variable_is_known() -> None:
    registry = build_registry(None, RouterSettings(), (), {"DATABASE_URL": "postgresql://user:database-pw@h/db"})
    assert "database-pw" not in registry.mask("database-pw")


@pytest.mark.parametrize("name", ["auth", "pass", "pwd", "sig", "jwt", "password", "access_token", "clientSecret"])
def test_member_of_any_body_is_masked_by_its_name(name: str) -> None:
    assert mask_members({"a": [{name: "value-123"}]}) == {"a": [{name: MASK}]}
    assert "value-123" not in mask_quotes(f'the server did not take {{"{name}": "value-123"}} or {name}=value-123')


@pytest.mark.parametrize("text", ["max_tokens=4096000000", "the token: something long", "a=b", "design=beautiful1"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask_quotes(text) == text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/hooks/T00/abcDEF1234567890abcdef12", "https://h/hooks/T00/..."),
        ("https://h/sk-abcdefghijklm/v1", "https://h/.../v1"),
        ("https://h/6ba7b810-9dad-11d1-80b4-00c04fd430c8/v1", "https://h/.../v1"),
        ("https://h/openai/deployments/gpt-4o-2024-08-06-eastus-production", None),
        ("https://h/v1/projects/my-project/locations/europe-west4", None),
    ],
)
def test_path_is_cut_where_it_looks_like_a_token(url: str, shown: str | None) -> None:
    assert clean_url(url) == (url if shown is None else shown)


BASE = "https://base-user:base-password@h.example/t/abcDEF1234567890abcdef12/v1?sig=query-signature"
HIDDEN = (
    "base-password", "abcDEF1234567890abcdef12", "query-signature", "operator-header", "operator-auth",
    base64.b64encode(b"base-user:base-password").decode(),
)  # fmt: skip


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/router/explain", "/health", "/router/state", "/v1/models", "/status"]
)
def test_no_credential_shows_anywhere(path: str, status: int, capfd: pytest.CaptureFixture[str]) -> None:
    headers = {"x-echo": " ".join(HIDDEN), "x-new-token": "unknown-token-1"}
    client = application(
        Wire(status, headers=headers),
        entry("m", api_base=BASE, extra_headers={"x-odd": "operator-header"}, extra_body={"auth": "operator-auth"}),
    )
    body = {"model": "m", "messages": MESSAGES, "metadata": {"jwt": "client-jwt-value"}}
    answer = client.post(path, json=body) if path in ("/v1/chat/completions", "/router/explain") else client.get(path)
    shown = f"{answer.headers}{answer.text}{capfd.readouterr().err}"
    assert not [secret for secret in (*HIDDEN, "unknown-token-1") if secret in shown]
