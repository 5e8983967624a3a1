"""What a client may bring into its request, what the operator can close, and what reaches a provider of it."""

from typing import Any

import orjson
import pytest
from requests.exceptions import InvalidURL

from proxy.domain.operations import CHAT
from proxy.transport.origin import split_url
from proxy.web.serving import current_parts
from tests.security.wire import MESSAGES, Wire, application, entry

OWN = {"model_list": [{"model_name": "own", "litellm_params": {"model": "openai/gpt", "api_key": "sk-client-key"}}]}
CLOSED = {"allow_client_side_credentials": False}


def ask(client: Any, model: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"model": model, "messages": MESSAGES, **fields}
    return client.post("/v1/chat/completions", json=body, headers=headers or {})


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "sk-client-key"},
        {"api_base": "https://api.example.com"},
        {"base_url": "https://api.example.com"},
        {"organization": "org"},
        {"aws_region_name": "us-east-1"},
        {"vertex_project": "p"},
        {"user_config": OWN},
        {"extra_body": {"api_key": "sk-client-key"}},
        {"extra_body": {"user_config": OWN}},
    ],
)
@pytest.mark.parametrize("model", ["gpt", "gpt,gpt"])
def test_nothing_is_sent_when_the_operator_closed_the_feature(fields: dict[str, Any], model: str) -> None:
    wire = Wire()
    client = application(wire, entry("gpt"), general_settings=CLOSED)
    response = ask(client, model, **fields)
    assert wire.sent == []
    errors = response.get_json() if response.status_code == 200 else [response.get_json()]
    assert {error["error"]["type"] for error in errors} == {"permission_error"}
    name = next(iter(fields.get("extra_body", fields)))
    assert {error["error"]["param"] for error in errors} == {name}


def test_override_is_refused_in_a_fallback_when_the_operator_closed_the_feature() -> None:
    wire = Wire(500)
    client = application(wire, entry("gpt"), entry("other"), general_settings=CLOSED)
    ask(client, "gpt", fallbacks=[{"model": "other", "api_base": "https://api.example.com"}])
    assert len(wire.sent) == 1, "only the first model was asked"


def test_azures_version_is_anybodys_when_the_operator_closed_the_feature() -> None:
    client = application(Wire(), entry("gpt"), general_settings=CLOSED)
    assert ask(client, "gpt", api_version="2024-10-21").status_code == 200


@pytest.mark.parametrize(
    ("allowed", "fields", "status"),
    [
        (["api_key"], {"api_key": "sk-client-key"}, 200),
        (["api_key"], {"api_base": "https://api.example.com"}, 403),
        ([], {"api_key": "sk-client-key"}, 403),
        ([{"api_base": "https://api\\.example\\.com/"}], {"api_base": "https://api.example.com/v1"}, 200),
        ([{"api_base": "https://api\\.example\\.com/"}], {"api_base": "https://api.example.com.evil.org"}, 403),
        ([{"api_base": "https://api\\.example\\.com/"}], {"api_base": "https://evil.org/?https://api.example.com/"}, 403),
        (["api_base"], {"api_base": "https://api.example.com", "api_key": "sk-client-key"}, 403),
    ],
)  # fmt: skip
@pytest.mark.parametrize("closed", [True, False])
def test_only_what_the_deployment_lists_may_be_overridden(
    allowed: list[Any], fields: dict[str, Any], status: int, closed: bool
) -> None:
    general = CLOSED if closed else {}
    wire = Wire()
    own = entry("gpt", configurable_clientside_auth_params=allowed)
    assert ask(application(wire, own, general_settings=general), "gpt", **fields).status_code == status
    assert len(wire.sent) == (status == 200)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("bedrock", {"aws_region_name": "x.evil.com/#"}),
        ("bedrock", {"region_name": "x.evil.com/#"}),
        ("bedrock", {"aws_region_name": "us-east-1.evil.com"}),
        ("bedrock", {"aws_region_name": "us-east-1@evil.com"}),
        ("bedrock", {"aws_region_name": ["us-east-1"]}),
        ("vertex", {"vertex_location": "x.evil.com/#", "vertex_credentials": "{}"}),
        ("vertex", {"vertex_project": "../../x", "vertex_credentials": "{}"}),
        ("vertex", {"vertex_project": "p?x=", "vertex_credentials": "{}"}),
    ],
)
@pytest.mark.parametrize("place", ["body", "fallback", "user_config"])
def test_part_of_a_host_or_path_is_a_plain_word_when_a_client_names_it(
    model: str, fields: dict[str, Any], place: str
) -> None:
    names = {"bedrock": "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0", "vertex": "vertex_ai/gemini-2.5-flash"}
    keys = {"aws_access_key_id": "AKIACLIENT", "aws_secret_access_key": "client-secret"} if model == "bedrock" else {}
    own = {"model_name": "own", "litellm_params": {"model": names[model], **keys, **fields}}
    wire = Wire(500)
    client = application(wire, entry("gpt"), entry(model, names[model]))
    bodies: dict[str, dict[str, Any]] = {
        "body": {"model": model, **keys, **fields},
        "fallback": {"model": "gpt", "fallbacks": [{"model": model, **keys, **fields}]},
        "user_config": {"model": "own", "user_config": {"model_list": [own]}},
    }
    response = ask(client, **bodies[place])
    assert 400 <= response.status_code < 501
    assert "Internal server error" not in response.text
    assert [sent.url for sent in wire.sent if "openai" not in sent.url] == []


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"model": "azure", "api_version": "v&x=1#"}, "https://resource.openai.azure.com"),
        ({"model": "azure/../../admin?x#y"}, "https://resource.openai.azure.com"),
    ],
)
def test_version_and_model_stay_in_their_place_when_they_are_part_of_an_address(
    fields: dict[str, Any], url: str
) -> None:
    wire = Wire()
    azure = entry("azure", "azure/gpt", api_base=url)
    ask(application(wire, azure, entry("azure/*", "azure/*", api_base=url)), **fields)
    for sent in wire.sent:
        assert sent.url.startswith(f"{url}/openai/deployments/")
        assert "#" not in sent.url and sent.url.count("?") == 1 and "/../" not in sent.url
    assert wire.sent or "/" in fields["model"]


def test_operators_credential_stays_when_a_clients_header_would_replace_it() -> None:
    wire = Wire()
    client = application(wire, entry("gpt", extra_headers={"x-team": "operators"}))
    for name in ("Authorization", "AUTHORIZATION", "x-team", "X-Team"):
        response = ask(client, "gpt", extra_headers={name: "clients"})
        assert (response.status_code, response.get_json()["error"]["param"]) == (400, f"extra_headers.{name.lower()}")
    assert wire.sent == []
    assert ask(client, "gpt", extra_headers={"x-mine": "1"}).status_code == 200
    assert (wire.sent[0].headers["x-mine"], wire.sent[0].headers["x-team"]) == ("1", "operators")


def test_header_is_the_clients_own_business_when_the_key_is_its_own_too() -> None:
    wire = Wire()
    ask(application(wire, entry("gpt")), "gpt", api_key="sk-client-key", extra_headers={"authorization": "Token mine"})
    assert wire.sent[0].headers["authorization"] == "Token mine"


@pytest.mark.parametrize("name", ["host", "Content-Length", "transfer-encoding", "connection"])
def test_header_that_frames_the_message_is_refused_in_a_fallback_too(name: str) -> None:
    client = application(Wire(), entry("gpt"))
    for fields in ({"extra_headers": {name: "x"}}, {"fallbacks": [{"model": "gpt", "extra_headers": {name: "x"}}]}):
        response = ask(client, "gpt", **fields)
        assert response.status_code == 400
        assert "extra_headers" in response.get_json()["error"]["param"]


@pytest.mark.parametrize(
    ("fallbacks", "param"),
    [
        ([5], "fallbacks[0]"),
        ([{"model": 5}], "fallbacks[0].model"),
        ([{"gpt": 5}], "fallbacks[0].gpt"),
        ([{"gpt": ["a", 5]}], "fallbacks[0].gpt"),
        ([{"model": "gpt", "api_key": 5}], "fallbacks[0].api_key"),
        ([{"model": "gpt", "messages": 5}], "fallbacks[0].messages"),
        (["a", {"model": "gpt", "timeout": "soon"}], "fallbacks[1].timeout"),
        ({"gpt": ["a"]}, "fallbacks"),
    ],
)
def test_path_is_named_before_anything_is_sent_when_fallbacks_are_wrong(fallbacks: Any, param: str) -> None:
    wire = Wire()
    response = ask(application(wire, entry("gpt")), "gpt", fallbacks=fallbacks)
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, param)
    assert wire.sent == []


@pytest.mark.parametrize(
    ("fallbacks", "model"),
    [
        ("two", "two"),
        (["two"], "two"),
        ([{"model": "two", "temperature": 0.5}], "two"),
        ([{"one": ["two"]}], "two"),
        ([{"one": "two"}], "two"),
        (["unknown", "two"], "two"),
    ],
)
def test_fallback_answers_when_it_is_said_in_any_shape(fallbacks: Any, model: str) -> None:
    wire = Wire(500)
    client = application(wire, entry("one", "openai/one"), entry("two", "openai/two"))
    assert ask(client, "one", fallbacks=fallbacks).status_code == 200
    assert [orjson.loads(sent.body)["model"] for sent in wire.sent] == ["one", model]


def test_only_the_fallbacks_own_connection_is_used_when_it_brings_one() -> None:
    wire = Wire(500)
    client = application(wire, entry("one"), entry("two", extra_headers={"x-team": "operators"}))
    to = {"model": "two", "api_base": "https://api.example.com/v1", "api_key": "sk-for-two", "max_tokens": 3}
    assert ask(client, "one", api_key="sk-for-one", fallbacks=[to]).status_code == 200
    first, second = wire.sent
    assert (first.headers["authorization"], first.guarded) == ("Bearer sk-for-one", False)
    assert (second.headers["authorization"], second.guarded) == ("Bearer sk-for-two", True)
    assert second.url == "https://api.example.com/v1/chat/completions"
    assert orjson.loads(second.body)["max_tokens"] == 3
    assert "x-team" not in second.headers


@pytest.mark.parametrize(
    ("field", "status", "error"),
    [("context_window_fallbacks", 400, "context_length_exceeded"), ("content_policy_fallbacks", 400, "content_filter")],
)
def test_fallbacks_of_a_kind_are_taken_from_the_request(field: str, status: int, error: str) -> None:
    class Specific(Wire):
        def send(self, request: Any, clocks: Any, client: Any = None) -> Any:
            reply: Any = super().send(request, clocks, client)
            if reply.status == status:
                reply._body = orjson.dumps({"error": {"message": "no", "code": error}})
            return reply

    wire = Specific(status)
    client = application(wire, entry("one", "openai/one"), entry("two", "openai/two"))
    assert ask(client, "one", **{field: [{"one": ["two"]}]}).status_code == 200
    assert [orjson.loads(sent.body)["model"] for sent in wire.sent] == ["one", "two"]


def test_nobody_stands_in_when_fallbacks_are_disabled() -> None:
    wire = Wire(500)
    client = application(wire, entry("one"), entry("two"), litellm_settings={"fallbacks": [{"one": ["two"]}]})
    assert ask(client, "one", disable_fallbacks=True).status_code == 500
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("headers", "fields", "tries"),
    [({"x-litellm-num-retries": "2"}, {}, 3), ({"x-litellm-num-retries": "2"}, {"num_retries": 0}, 1)],
)
def test_body_has_the_last_word_when_a_header_says_the_retries_too(
    headers: dict[str, str], fields: dict[str, Any], tries: int
) -> None:
    wire = Wire(500, 500, 500)
    client = application(wire, *(entry("one", f"openai/{number}") for number in range(3)))
    ask(client, "one", headers, **fields)
    assert len(wire.sent) == tries


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-litellm-num-retries", "101"),
        ("x-litellm-timeout", "soon"),
        ("x-litellm-stream-timeout", "-1"),
        ("x-litellm-spend-logs-metadata", "[1]"),
        ("x-litellm-spend-logs-metadata", "{"),
    ],
)
def test_header_is_named_when_its_value_is_wrong(name: str, value: str) -> None:
    response = ask(application(Wire(), entry("one")), "one", {name: value})
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, name)


def test_header_is_named_in_the_answer_when_it_has_no_effect() -> None:
    response = ask(application(Wire(), entry("one")), "one", {"x-litellm-priority": "1"})
    assert response.headers["x-litellm-dropped-params"] == "x-litellm-priority"


def test_key_is_masked_when_a_provider_repeats_it_in_the_headers_of_an_answer() -> None:
    wire = Wire(headers={"x-echo": "Bearer sk-operator-key sk-client-key-1", "x-ratelimit-key": "sk-client-key-1"})
    response = ask(application(wire, entry("one")), "one", api_key="sk-client-key-1")
    assert response.status_code == 200
    assert "llm_provider-x-echo" in response.headers
    assert "sk-operator-key" not in str(response.headers) and "sk-client-key-1" not in str(response.headers)


@pytest.mark.parametrize("path", ["/a/../b", "/..", "/a/./b", "/a/.."])
def test_name_does_not_lead_out_of_its_place_when_it_is_made_of_dots(path: str) -> None:
    with pytest.raises(InvalidURL):
        split_url(f"https://api.example.com{path}?x=1")
    assert split_url("https://api.example.com/a.b/..c/d..").target == "/a.b/..c/d.."


def test_facts_for_the_records_are_taken_from_headers() -> None:
    client = application(Wire(), entry("one"))
    headers = {
        "x-litellm-trace-id": "trace",
        "x-litellm-session-id": "session",
        "x-litellm-agent-id": "agent",
        "x-litellm-spend-logs-metadata": '{"project": "p"}',
        "langfuse-trace-name": "name",
        "x-litellm-tags": "a, b",
    }
    body = {"model": "one", "messages": MESSAGES, "tags": ["c"], "metadata": {"tags": ["d"], "own": 1}}
    with client.application.test_request_context("/v1/chat/completions", method="POST", json=body, headers=headers):
        client.application.preprocess_request()
        options = current_parts().reader.read(CHAT).options
    assert options.metadata == {
        "trace_id": "trace",
        "session_id": "session",
        "agent_id": "agent",
        "spend_logs_metadata": {"project": "p"},
        "trace_name": "name",
        "tags": ["d"],
        "own": 1,
    }
    assert set(options.tags) == {"a", "b", "c", "d"}
