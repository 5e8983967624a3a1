"""Google tokens: keys are made up, and Google is a function of this file."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import proxy.transport.credentials as package
from proxy.domain.deployment import Deployment
from proxy.domain.google_project import UNKNOWN_PROJECT
from proxy.domain.wire import WireRequest
from proxy.errors import APIConnectionError, AuthenticationError, ConfigurationError, GatewayError
from proxy.transport.credentials.google import GoogleCredentials

TOKEN_URI = "https://oauth2.example.com/token"


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "gateway@project.iam.gserviceaccount.com",
        "token_uri": TOKEN_URI,
    }


class Answer:
    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {"content-type": "application/json"}
        self._body = json.dumps(body).encode()

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        pass


class Google:
    """Gives token-1, token-2 ... and remembers what it was asked."""

    def __init__(self, lifetime: int = 3600, status: int = 200) -> None:
        self.requests: list[WireRequest] = []
        self._lifetime = lifetime
        self._status = status

    def __call__(self, request: WireRequest) -> Answer:
        self.requests.append(request)
        if self._status != 200:
            return Answer(self._status, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        token = f"token-{len(self.requests)}"
        return Answer(200, {"access_token": token, "expires_in": self._lifetime, "token_type": "Bearer"})


def request(**headers: str) -> WireRequest:
    return WireRequest("https://us-central1-aiplatform.googleapis.com/v1/x", b"{}", headers)


def deployment(credentials: Any = None, **changes: Any) -> Deployment:
    connection = {"vertex_project": "project"} | ({"vertex_credentials": credentials} if credentials else {})
    return Deployment("deployment-1", "group", "vertex_ai", "gemini-2.5-flash", connection, **changes)


def test_token_is_fetched_for_the_cloud_when_the_key_is_an_object(key: dict[str, str]) -> None:
    google = Google()
    original = request()
    signed = GoogleCredentials(google).apply(original, deployment(key))
    assert signed.headers["authorization"] == "Bearer token-1"
    assert "authorization" not in original.headers
    (asked,) = google.requests
    assert (asked.url, asked.method, asked.guarded) == (TOKEN_URI, "POST", False)
    assert "assertion" in parse_qs(asked.body.decode())


@pytest.mark.parametrize("form", ["object", "text", "path"])
def test_same_token_is_used_when_a_key_comes_again(key: dict[str, str], form: str, tmp_path: Path) -> None:
    google = Google()
    credentials = GoogleCredentials(google)
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key))
    given = {"object": key, "text": json.dumps(key), "path": str(path)}[form]
    tokens = {credentials.apply(request(), deployment(given)).headers["authorization"] for _ in range(3)}
    assert tokens == {"Bearer token-1"}
    assert len(google.requests) == 1


def test_new_key_is_used_at_once_when_the_file_was_replaced(key: dict[str, str], tmp_path: Path) -> None:
    google = Google()
    credentials = GoogleCredentials(google)
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key))
    credentials.apply(request(), deployment(str(path)))
    path.write_text(json.dumps({**key, "private_key_id": "2"}))
    assert credentials.apply(request(), deployment(str(path))).headers["authorization"] == "Bearer token-2"


def test_new_token_is_fetched_when_the_old_one_runs_out(key: dict[str, str]) -> None:
    google = Google(lifetime=1)
    credentials = GoogleCredentials(google)
    credentials.apply(request(), deployment(key))
    assert credentials.apply(request(), deployment(key)).headers["authorization"] == "Bearer token-2"


def test_one_token_is_fetched_when_many_threads_want_it(key: dict[str, str]) -> None:
    google = Google()

    def slow(asked: WireRequest) -> Answer:
        time.sleep(0.02)
        return google(asked)

    credentials = GoogleCredentials(slow)
    threads = [threading.Thread(target=credentials.apply, args=(request(), deployment(key))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(google.requests) == 1


@pytest.mark.parametrize("header", ["authorization", "x-goog-api-key"])
def test_request_stays_as_it_is_when_it_has_a_key(header: str) -> None:
    given = request(**{header: "the deployment's"})
    assert GoogleCredentials(Google()).apply(given, deployment()) is given


def test_error_says_what_google_said_when_it_refuses(key: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError, match="Invalid JWT Signature"):
        GoogleCredentials(Google(status=400)).apply(request(), deployment(key))


def test_transport_error_goes_through_when_google_is_out_of_reach(key: dict[str, str]) -> None:
    def unreachable(_: WireRequest) -> Answer:
        raise APIConnectionError("could not connect to oauth2.example.com")

    with pytest.raises(APIConnectionError, match="could not connect"):
        GoogleCredentials(unreachable).apply(request(), deployment(key))


@pytest.mark.parametrize("given", ['{"type": "service_account"}', "{broken", {"type": "nothing known"}, 7])
def test_credentials_are_refused_when_they_are_no_key(given: Any) -> None:
    with pytest.raises(AuthenticationError, match="vertex_credentials"):
        GoogleCredentials(Google()).apply(request(), deployment(given))


def test_file_is_named_as_unreadable_when_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="can't be read"):
        GoogleCredentials(Google()).apply(request(), deployment(str(tmp_path / "none.json")))


def test_surroundings_are_used_when_the_operator_names_no_key(
    key: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "adc.json"
    path.write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert GoogleCredentials(Google()).apply(request(), deployment()).headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize("given", [None, "/etc/key.json", {"type": "external_account"}])
def test_operators_identity_is_withheld_when_the_deployment_is_a_clients(
    given: Any, key: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "adc.json"
    path.write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    google = Google()
    with pytest.raises(AuthenticationError, match="must bring an api_key, or vertex_credentials"):
        GoogleCredentials(google).apply(request(), deployment(given, client_owned=True))
    assert google.requests == []


def test_token_address_is_guarded_when_the_key_is_a_clients(key: dict[str, str]) -> None:
    google = Google()
    credentials = GoogleCredentials(google)
    credentials.apply(request(), deployment(key))
    credentials.apply(request(), deployment(key, client_owned=True))
    assert [asked.guarded for asked in google.requests] == [False, True]


def test_oldest_token_is_forgotten_when_clients_bring_many_keys(key: dict[str, str]) -> None:
    google = Google()
    credentials = GoogleCredentials(google, kept=2)
    for number in (1, 2, 3, 1):
        credentials.apply(request(), deployment({**key, "private_key_id": str(number)}, client_owned=True))
    assert len(google.requests) == 4


def test_error_says_what_to_install_when_google_auth_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "proxy.transport.credentials.google_tokens", raising=False)
    monkeypatch.delattr(package, "google_tokens", raising=False)
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(GatewayError, match=r"patchbay\[gcp\]"):
        GoogleCredentials(Google()).apply(request(), deployment())


def unplaced() -> WireRequest:
    return WireRequest(f"https://aiplatform.googleapis.com/v1/projects/{UNKNOWN_PROJECT}/locations/global/x", b"{}", {})


@pytest.mark.parametrize("form", ["object", "text", "path", "surroundings"])
def test_project_is_the_credentials_when_the_deployment_names_none(
    key: dict[str, str], form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({**key, "project_id": "of-the-key"}))
    given = {"object": json.loads(path.read_text()), "text": path.read_text(), "path": str(path), "surroundings": None}[
        form
    ]
    if form == "surroundings":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    credentials = GoogleCredentials(Google())
    for _ in range(2):
        assert "/projects/of-the-key/locations/" in credentials.apply(unplaced(), deployment(given)).url


def test_project_is_the_one_that_is_billed_when_the_key_is_a_users() -> None:
    key = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "token_uri": TOKEN_URI,
    }
    url = GoogleCredentials(Google()).apply(unplaced(), deployment({**key, "quota_project_id": "billed"})).url
    assert "/projects/billed/locations/" in url


@pytest.mark.parametrize("project", [None, "", 7, "../x", "a/b", UNKNOWN_PROJECT])
def test_error_says_what_to_set_when_the_credentials_show_no_project(key: dict[str, str], project: Any) -> None:
    with pytest.raises(ConfigurationError, match="VERTEXAI_PROJECT"):
        GoogleCredentials(Google()).apply(unplaced(), deployment({**key, "project_id": project}))


def test_error_says_what_to_set_when_a_token_is_brought_and_no_project() -> None:
    with pytest.raises(ConfigurationError, match="VERTEXAI_PROJECT"):
        GoogleCredentials(Google()).apply(unplaced()._replace(headers={"authorization": "Bearer x"}), deployment())


def test_address_stays_when_the_deployment_names_a_project(key: dict[str, str]) -> None:
    assert GoogleCredentials(Google()).apply(request(), deployment({**key, "project_id": "other"})).url == request().url
