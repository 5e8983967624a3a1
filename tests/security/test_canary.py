"""Every credential is a unique string; after a run over all routes and kinds of failure none of them is anywhere.

The one place where a credential belongs is the request to its own provider. Looked at are answers (status line, headers,
body), logs, what the inspection routes and the metrics tell, what every sink sends, and what prints as a value.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from app import create_app
from proxy.domain.operations import CHAT
from proxy.domain.secrets import SecretRegistry
from proxy.domain.user_config import UserConfig
from proxy.gateway.user_routers import build_client
from proxy.runtime import Runtime
from proxy.settings.files import Source
from proxy.settings.load import PROVIDERS, build_settings
from proxy.web.serving import current_parts
from tests.live.http import Answer, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway, mock_provider

MESSAGES = [{"role": "user", "content": "hi"}]
MASTER = "sk-canary-master-0001"
OPERATOR = {
    "openai": "sk-canary-openai-0002",
    "anthropic": "sk-canary-anthropic-0003",
    "azure": "canary-azure-0004",
    "gemini": "canary-gemini-0005",
    "cohere": "canary-cohere-0006",
    "aws_id": "AKIACANARY0007",
    "aws_secret": "canary-aws-secret-0008",
    "header": "canary-header-0009",
    "environment": "canary-environment-0010",
    "dead": "canary-dead-0011",
    "ollama": "canary-ollama-0012",
    "otel": "canary-otel-0013",
    "langfuse": "canary-langfuse-0014",
    "webhook": "canary-webhook-0015",
}
CLIENT = {
    "key": "canary-client-key-0101",
    "wrong_master": "sk-canary-wrong-0102",
    "config_key": "canary-config-key-0103",
    "aws_secret": "canary-client-aws-0104",
    "header": "canary-client-header-0105",
    "fallback": "canary-fallback-0106",
    "userinfo": "canary-userinfo-0107",
    "query": "canary-query-0108",
}
EVERYTHING = [MASTER, *OPERATOR.values(), *CLIENT.values()]
SINK_PATHS = ("/v1/traces", "/api/public/ingestion", "/webhook")


class Run(NamedTuple):
    """`receiver` stands for whatever the sinks send their records to."""

    server: Server
    upstream: Server
    receiver: Server
    answers: list[tuple[str, Answer]]


def config(upstream: Server) -> dict[str, Any]:
    url = upstream.url

    def entry(name: str, model: str, **params: Any) -> dict[str, Any]:
        return {"model_name": name, "litellm_params": {"model": model, **params}}

    aws = {"aws_access_key_id": OPERATOR["aws_id"], "aws_secret_access_key": OPERATOR["aws_secret"]}
    return {
        "model_list": [
            entry("openai", "openai/gpt", api_base=f"{url}/v1", api_key=OPERATOR["openai"]),
            entry("anthropic", "anthropic/claude", api_base=url, api_key=OPERATOR["anthropic"]),
            entry("azure", "azure/gpt", api_base=url, api_key=OPERATOR["azure"], api_version="2024-10-21"),
            entry("gemini", "gemini/gemini-2.5-flash", api_base=url, api_key=OPERATOR["gemini"]),
            entry("cohere", "cohere/command-r", api_base=url, api_key=OPERATOR["cohere"]),
            entry("ollama", "ollama/llama3", api_base=url, api_key=OPERATOR["ollama"]),
            entry("bedrock", "bedrock/anthropic.claude", api_base=url, aws_region_name="us-east-1", **aws),
            entry(
                "headed",
                "openai/gpt",
                api_base=f"{url}/v1",
                api_key="os.environ/CANARY",
                extra_headers={"x-team-token": OPERATOR["header"]},
            ),
            entry("dead", "openai/gpt", api_base="http://127.0.0.1:9/v1", api_key=OPERATOR["dead"]),
            entry("lost", "openai/gpt", api_key="os.environ/NOT_THERE"),
        ],
        "general_settings": {"master_key": MASTER},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "litellm_settings": {
            "provider_url_destination_allowed_hosts": [f"127.0.0.1:{upstream.port}"],
            "callbacks": ["json", "prometheus", "otel", "langfuse", "webhook"],
            "set_verbose": True,
        },
    }


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def run(request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    directory = tmp_path_factory.mktemp("canary")
    with mock_provider(directory) as receiver:
        environment = {"CANARY": OPERATOR["environment"], **environment_of_sinks(receiver)}
        with gateway(config(upstream), directory, worker_class=request.param, environment=environment) as server:
            answers = list(provoke(server, upstream))
            assert wait_until(lambda: server.output().count('"x-litellm-call-id"') > 30)
            assert wait_until(lambda: set(SINK_PATHS) <= {sent["path"] for sent in requests_of(receiver)}, 15)
            yield Run(server, upstream, receiver, answers)


def environment_of_sinks(receiver: Server) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-otel-key={OPERATOR['otel']}",
        "LANGFUSE_HOST": receiver.url,
        "LANGFUSE_PUBLIC_KEY": "pk-canary-public",
        "LANGFUSE_SECRET_KEY": OPERATOR["langfuse"],
        "GENERIC_LOGGER_ENDPOINT": f"{receiver.url}/webhook",
        "GENERIC_LOGGER_HEADERS": f"x-token={OPERATOR['webhook']}",
    }


def requests_of(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = request(server, "GET", "/_requests").json()["requests"]
    return found


def provoke(server: Server, upstream: Server) -> Iterator[tuple[str, Answer]]:
    """Ask everything that a client can ask, rightly and wrongly."""
    key = {"authorization": f"Bearer {MASTER}"}

    def chat(name: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> tuple[str, Answer]:
        return name, request(
            server, "POST", "/v1/chat/completions", {"messages": MESSAGES, **body}, {**key, **(headers or {})}
        )

    models = [entry["model_name"] for entry in config(upstream)["model_list"]]
    for model in models:
        yield chat(f"{model} plain", {"model": model})
        yield chat(f"{model} stream", {"model": model, "stream": True})
    echo = {"headers": {"x-echo": f"Bearer {OPERATOR['openai']} {CLIENT['key']}"}}
    yield chat("echoed in an answer's header", {"model": "openai", "mock": echo, "api_key": CLIENT["key"]})
    yield chat("echoed in a stream's header", {"model": "openai", "mock": echo, "stream": True})
    told = {"metadata": {"note": f"my key is {CLIENT['key']}", "trace_id": OPERATOR["openai"]}, "user": CLIENT["key"]}
    yield chat("told in metadata", {"model": "openai", **told, "tags": [CLIENT["key"]], "api_key": CLIENT["key"]})
    for status in (400, 401, 403, 404, 422, 429, 500, 503):
        yield chat(f"{status}", {"model": "openai", "mock": {"status": status}})
        yield chat(f"{status} own key", {"model": "openai", "mock": {"status": status}, "api_key": CLIENT["key"]})
    for fault in ("cut", "garbage", "error_event", "no_finish"):
        yield chat(f"fault {fault}", {"model": "openai", "mock": {"fault": fault}})
        yield chat(f"fault {fault} stream", {"model": "openai", "stream": True, "mock": {"fault": fault}})
    yield chat("timeout", {"model": "openai", "mock": {"delay": 2}, "timeout": 0.2})
    yield chat("echoed by the provider", {"model": "openai", "mock": {"echo_request": True}, "api_key": CLIENT["key"]})
    yield chat("echoed by the provider, operator's key", {"model": "openai", "mock": {"echo_request": True}})
    yield chat("echoed header", {"model": "headed", "mock": {"echo_request": True}})
    yield chat("echoed in a stream", {"model": "openai", "stream": True, "mock": {"echo_request": True}})
    yield chat("batch", {"model": "openai,dead,anthropic,lost,nope"})
    yield chat("batch stream", {"model": "openai,dead,anthropic", "stream": True})
    yield chat("fastest", {"model": "openai,dead", "fastest_response": True})
    yield chat("refused base", {"model": "openai", "api_base": "http://10.0.0.1/v1", "api_key": CLIENT["key"]})
    userinfo = f"http://user:{CLIENT['userinfo']}@example.com/v1?key={CLIENT['query']}"
    yield chat("refused userinfo", {"model": "openai", "api_base": userinfo, "api_key": CLIENT["key"]})
    yield chat("refused scheme", {"model": "openai", "api_base": f"ftp://example.com/?key={CLIENT['query']}"})
    yield chat("own base", {"model": "headed", "api_base": f"{upstream.url}/v1", "api_key": CLIENT["key"]})
    yield chat(
        "own base, own error",
        {"model": "headed", "api_base": f"{upstream.url}/v1?key={CLIENT['query']}", "mock": {"status": 500}},
    )
    yield chat(
        "own aws", {"model": "bedrock", "aws_access_key_id": "AKIAX", "aws_secret_access_key": CLIENT["aws_secret"]}
    )
    yield chat(
        "extra header",
        {
            "model": "openai",
            "extra_headers": {"x-secret": CLIENT["header"]},
            "mock": {"echo_request": True},
            "api_key": CLIENT["header"],
        },
    )
    yield chat("bad extra header", {"model": "openai", "extra_headers": {"x": f"{CLIENT['header']}\r\n"}})
    yield chat("fallback", {"model": "dead", "fallbacks": [{"model": "openai", "api_key": CLIENT["fallback"]}]})
    own = {"model": "openai/fail-401", "api_key": CLIENT["config_key"], "api_base": f"{upstream.url}/v1"}
    yield chat(
        "user_config", {"model": "own", "user_config": {"model_list": [{"model_name": "own", "litellm_params": own}]}}
    )
    wrong = {"model_list": [{"model_name": "own", "litellm_params": {**own, "rpm": CLIENT["config_key"]}}]}
    yield chat("wrong user_config", {"model": "own", "user_config": wrong})
    yield chat("wrong type", {"model": "openai", "api_key": [CLIENT["key"]]})
    yield chat("wrong master key", {"model": "openai"}, {"authorization": f"Bearer {CLIENT['wrong_master']}"})
    yield chat("unknown model", {"model": "nope", "api_key": CLIENT["key"]})
    for path in ("embeddings", "moderations", "completions"):
        yield path, request(server, "POST", f"/v1/{path}", {"model": "openai", "input": "a", "prompt": "a"}, key)
    yield "explain", request(server, "POST", "/router/explain", {"model": "headed", "messages": MESSAGES}, key)
    yield (
        "explain own",
        request(
            server, "POST", "/router/explain", {"model": "openai", "messages": MESSAGES, "api_key": CLIENT["key"]}, key
        ),
    )
    for path in ("/router/state", "/health", "/v1/models", "/v1/capabilities", "/metrics", "/", "/livez", "/readyz"):
        yield path, request(server, "GET", path, headers=key, timeout=60)


def test_no_credential_in_any_answer(run: Run) -> None:
    found = [
        (name, secret)
        for name, answer in run.answers
        for secret in EVERYTHING
        if secret in answer.body.decode(errors="replace") or secret in json.dumps(answer.headers)
    ]
    assert not found


def test_no_credential_in_the_log(run: Run) -> None:
    log = run.server.output()
    assert "anthropic" in log, "the calls are logged"
    assert not [secret for secret in EVERYTHING if secret in log]


def test_no_credential_in_what_any_sink_sends(run: Run) -> None:
    bodies = {sent["path"]: sent["body"] for sent in requests_of(run.receiver)}
    assert set(SINK_PATHS) <= set(bodies)
    sent = "\n".join(sent["body"] for sent in requests_of(run.receiver))
    assert "anthropic" in sent, "the calls are told"
    assert not [secret for secret in EVERYTHING if secret in sent]


def test_no_credential_in_the_metrics(run: Run) -> None:
    answer = request(run.server, "GET", "/metrics", headers={"authorization": f"Bearer {MASTER}"})
    assert answer.status == 200 and b"anthropic" in answer.body
    assert not [secret for secret in EVERYTHING if secret in answer.body.decode()]


def test_kinds_of_failure_were_provoked(run: Run) -> None:
    statuses = {answer.status for _, answer in run.answers}
    assert {200, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503} <= statuses


def test_each_credential_reached_its_own_provider(run: Run) -> None:
    """The test would prove nothing if the credentials were never used."""
    seen = json.dumps(request(run.upstream, "GET", "/_requests").json())
    for name in ("openai", "anthropic", "azure", "gemini", "cohere", "header", "environment"):
        assert OPERATOR[name] in seen, name
    assert CLIENT["key"] in seen and CLIENT["config_key"] in seen and CLIENT["fallback"] in seen
    assert OPERATOR["aws_secret"] not in seen, "AWS secrets sign; they are not sent"
    told = json.dumps(requests_of(run.receiver))
    assert OPERATOR["otel"] in told and OPERATOR["webhook"] in told, "they are in the headers to their own receiver"


def test_no_credential_shows_when_a_value_is_printed(upstream: Server) -> None:
    document = config(upstream)
    document["litellm_settings"]["callbacks"] = []
    settings = build_settings(Source(document), {"CANARY": OPERATOR["environment"]}, PROVIDERS, "test")
    app = create_app(settings, environ={})
    own = {"model": "openai/gpt", "api_key": CLIENT["config_key"], "extra_headers": {"x-key": CLIENT["header"]}}
    user_config = {"model_list": [{"model_name": "own", "litellm_params": own}]}
    body = {
        "model": "own",
        "messages": MESSAGES,
        "user_config": user_config,
        "api_key": CLIENT["key"],
        "extra_headers": {"x-key": CLIENT["header"]},
        "fallbacks": [{"model": "openai", "api_key": CLIENT["fallback"]}],
    }
    key = {"authorization": f"Bearer {MASTER}"}
    with app.test_request_context("/v1/chat/completions", method="POST", json=body, headers=key):
        app.preprocess_request()
        call = current_parts().reader.read(CHAT)
    client = build_client(UserConfig.of(user_config), Runtime(), SecretRegistry())
    deployments = [*settings.deployments, *client.router.catalogue.deployments]
    overridden = [one.with_overrides({"api_key": CLIENT["key"]}) for one in deployments]
    values = [settings, call, call.options, call.options.user_config, client, *deployments, *overridden]
    printed = "\n".join(f"{value!r} {value!s}" for value in values)
    assert "openai/gpt" in printed or "openai" in printed
    assert not [secret for secret in EVERYTHING if secret in printed]
