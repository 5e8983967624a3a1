"""AWS identities and signatures; keys are made up and nothing leaves the machine."""

import datetime
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session

from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError, BadRequestError, GatewayError
from proxy.transport.credentials.aws import AwsCredentials

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI", "aws_region_name": "eu-west-1"}
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0)
BODY = b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def deployment(model: str = "anthropic.claude-3-haiku-20240307-v1:0", **changes: Any) -> Deployment:
    connection = changes.pop("connection", KEYS)
    return Deployment("deployment-1", "group", "bedrock", model, connection, **changes)


def request(url: str = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a/converse") -> WireRequest:
    return WireRequest(url, BODY, {"content-type": "application/json", "accept": "application/json"})


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-3-haiku-20240307-v1:0",
        "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)
def test_signature_is_botocores_own_when_the_model_id_has_colons_and_slashes(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOON)
    sent = _sent_by_botocore(model)
    ours = WireRequest(sent.url, sent.body, {"content-type": sent.headers["Content-Type"].decode()})
    signed = AwsCredentials().apply(ours, deployment(model))
    theirs = sent.headers["Authorization"].decode()
    # botocore also signs its retry header, so the two agree when they sign the same headers.
    assert signed.headers["authorization"] == theirs


def _sent_by_botocore(model: str) -> Any:
    client = Session().create_client(
        "bedrock-runtime",
        region_name="eu-west-1",
        aws_access_key_id=KEYS["aws_access_key_id"],
        aws_secret_access_key=KEYS["aws_secret_access_key"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    caught: list[Any] = []

    def catch(request: Any, **_: Any) -> Any:
        caught.append(request)
        raise KeyboardInterrupt

    def unsign_own_headers(request: Any, **_: Any) -> None:
        for name in [name for name in request.headers if name.lower().startswith("amz-sdk")]:
            del request.headers[name]

    client.meta.events.register("before-sign.bedrock-runtime", unsign_own_headers)
    client.meta.events.register("before-send.bedrock-runtime", catch)
    with pytest.raises(KeyboardInterrupt):
        client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "hi"}]}])
    return caught[0]


def test_request_is_left_alone_when_it_has_a_bearer_token() -> None:
    bearer = WireRequest("https://example.com/", b"", {"authorization": "Bearer token"})
    assert AwsCredentials().apply(bearer, deployment()) is bearer


def test_session_token_is_signed_when_there_is_one() -> None:
    signed = AwsCredentials().apply(request(), deployment(connection={**KEYS, "aws_session_token": "session"}))
    assert signed.headers["x-amz-security-token"] == "session"
    assert "x-amz-security-token" in signed.headers["authorization"]


def test_request_itself_stays_when_it_is_signed() -> None:
    before = request()
    AwsCredentials().apply(before, deployment())
    assert before == request()


def test_scope_names_the_arns_region_when_the_connection_says_another() -> None:
    arn = "arn:aws:bedrock:ap-southeast-2:123456789012:inference-profile/apac.anthropic.claude-sonnet-4-5"
    signed = AwsCredentials().apply(request(), deployment(arn))
    assert "/ap-southeast-2/bedrock/aws4_request" in signed.headers["authorization"]


@pytest.mark.parametrize("region", ["us-east-1.evil.example", "us-east-1/x", "@evil", "us east 1", "metadata"])
def test_bad_request_when_the_region_is_no_region(region: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        AwsCredentials().apply(request(), deployment(connection={**KEYS, "aws_region_name": region}))
    assert caught.value.param == "aws_region_name"


def test_environment_is_used_when_the_operators_deployment_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    signed = AwsCredentials().apply(request(), deployment(connection={}))
    assert "Credential=AKIDENV/" in signed.headers["authorization"]


@pytest.mark.parametrize(
    "connection", [{}, {"aws_profile_name": "default"}, {**KEYS, "aws_role_name": "arn:aws:iam::1:role/x"}]
)
def test_refused_when_a_clients_deployment_reaches_for_the_operators_identity(
    connection: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(AuthenticationError):
        AwsCredentials().apply(request(), deployment(connection=connection, client_owned=True))


def test_profile_is_read_when_it_is_named(tmp_path: Any) -> None:
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = secret\n")
    signed = AwsCredentials().apply(request(), deployment(connection={"aws_profile_name": "team"}))
    assert "Credential=AKIDTEAM/" in signed.headers["authorization"]


def test_authentication_error_when_the_profile_is_unknown() -> None:
    with pytest.raises(AuthenticationError, match="nobody"):
        AwsCredentials().apply(request(), deployment(connection={"aws_profile_name": "nobody"}))


def test_authentication_error_names_the_ways_when_there_are_no_credentials() -> None:
    with pytest.raises(AuthenticationError, match="aws_role_name"):
        AwsCredentials().apply(request(), deployment(connection={}))


def test_authentication_error_when_the_secret_is_missing() -> None:
    with pytest.raises(AuthenticationError, match="both"):
        AwsCredentials().apply(request(), deployment(connection={"aws_access_key_id": "AKID"}))


def test_error_says_what_to_install_when_botocore_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "proxy.transport.credentials.aws_signing", None)
    monkeypatch.delattr("proxy.transport.credentials.aws_signing", raising=False)
    with pytest.raises(GatewayError, match=r"patchbay\[aws\]"):
        AwsCredentials().apply(request(), deployment())


class _Sts(BaseHTTPRequestHandler):
    """Security Token Service: gives the same short-lived keys to everybody, and counts."""

    bodies: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.bodies.append(body)  # type: ignore[attr-defined]
        action = "AssumeRoleWithWebIdentity" if "WebIdentity" in body else "AssumeRole"
        keys = "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        reply = (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>{keys}'
            f"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{action}Result></{action}Response>"
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *arguments: Any) -> None:
        """Nothing: the test's output is pytest's."""


@pytest.fixture
def sts() -> Iterator[Any]:
    server = HTTPServer(("127.0.0.1", 0), _Sts)
    server.bodies = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("token", [None, "a.web.token", "file"])
def test_role_is_assumed_once_when_it_is_used_twice(token: str | None, sts: Any, tmp_path: Any) -> None:
    connection = {
        **KEYS,
        "aws_role_name": "arn:aws:iam::123456789012:role/gateway",
        "aws_external_id": "outside",
        "aws_sts_endpoint": f"http://127.0.0.1:{sts.server_address[1]}",
    }
    if token == "file":
        (tmp_path / "token").write_text("a.file.token")
        token = str(tmp_path / "token")
    if token is not None:
        connection["aws_web_identity_token"] = token
    credentials = AwsCredentials()
    signed = [credentials.apply(request(), deployment(connection=connection)) for _ in range(2)]
    assert all("Credential=ASIAROLE/" in one.headers["authorization"] for one in signed)
    assert len(sts.bodies) == 1
    assert "role%2Fgateway" in sts.bodies[0]
    assert "RoleSessionName=patchbay" in sts.bodies[0]
