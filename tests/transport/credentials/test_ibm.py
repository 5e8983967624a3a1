"""IBM's tokens: IBM is a function of this file."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError, InvalidProviderResponseError
from proxy.transport.credentials.ibm import IAM_URL, IbmCredentials

REQUEST = WireRequest("https://us-south.ml.cloud.ibm.com/ml/v1/text/chat", b"{}", {"accept": "a"})


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


class Ibm:
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


def deployment(client_owned: bool = False, **connection: Any) -> Deployment:
    return Deployment("1", "group", "watsonx", "ibm/granite", connection, client_owned=client_owned)


def test_key_buys_a_token_once_when_it_is_used_twice() -> None:
    ibm = Ibm()
    credentials = IbmCredentials(ibm, Clock())
    signed = [credentials.apply(REQUEST, deployment(api_key="key")) for _ in range(2)]
    assert [one.headers["authorization"] for one in signed] == ["Bearer token-1"] * 2
    assert ibm.requests[0].url == IAM_URL
    assert parse_qs(ibm.requests[0].body.decode())["apikey"] == ["key"]


@pytest.mark.parametrize(("seconds", "token"), [(3299, "Bearer token-1"), (3301, "Bearer token-2")])
def test_token_is_bought_anew_when_it_is_about_to_run_out(seconds: float, token: str) -> None:
    clock = Clock()
    credentials = IbmCredentials(Ibm(), clock)
    credentials.apply(REQUEST, deployment(api_key="key"))
    clock.now += seconds
    assert credentials.apply(REQUEST, deployment(api_key="key")).headers["authorization"] == token


def test_tokens_are_apart_when_keys_are() -> None:
    credentials = IbmCredentials(Ibm(), Clock(), kept=1)
    names = [credentials.apply(REQUEST, deployment(api_key=key)).headers["authorization"] for key in "aba"]
    assert names == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]


def test_request_is_left_alone_when_it_has_a_token() -> None:
    request = WireRequest("https://example.com/", b"", {"authorization": "Bearer mine"})
    assert IbmCredentials(Ibm(), Clock()).apply(request, deployment()) is request


def test_authentication_error_when_there_is_no_key() -> None:
    with pytest.raises(AuthenticationError, match="api_key"):
        IbmCredentials(Ibm(), Clock()).apply(REQUEST, deployment())


@pytest.mark.parametrize(("client_owned", "url"), [(False, "https://iam.example.com/token"), (True, IAM_URL)])
def test_other_address_is_called_only_when_the_operator_names_it(client_owned: bool, url: str) -> None:
    ibm = Ibm()
    named = deployment(client_owned, api_key="key", watsonx_iam_url="https://iam.example.com/token")
    IbmCredentials(ibm, Clock()).apply(REQUEST, named)
    assert ibm.requests[0].url == url


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}', AuthenticationError),
        (200, b"{}", InvalidProviderResponseError),
        (500, b"{}", InvalidProviderResponseError),
        (200, b"<html>", InvalidProviderResponseError),
    ],
)
def test_error_when_ibm_gives_no_token(status: int, body: bytes, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        IbmCredentials(Ibm(status, body), Clock()).apply(REQUEST, deployment(api_key="key"))
