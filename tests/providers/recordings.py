"""Recorded exchanges with providers, run through a Provider without a network.

A fixture is `tests/fixtures/<provider>/<operation>-<scenario>.json`:

    source      repository, commit, path and licence that it was made from
    model       litellm_params.model of the deployment
    operation   chat or embeddings
    exchanges   one, or several for a round trip, each with
      client    the OpenAI request; {"$echo": n} is the assistant message that exchange n answered with,
                {"$call": [n, m]} the id of its tool call m
      response  what the provider answered: status, headers, stream, body (text) or body_b64
      expect    facts: `upstream` of the request (upstream/facts.py), `response` of the answer (gathering.py);
                `*_alt` are further accepted values, lists of status or type accept any of theirs
"""

import base64
import importlib
import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import OPERATIONS
from proxy.domain.wire import WireRequest
from proxy.errors import GatewayError
from proxy.gateway.health_check import probe_upload
from proxy.providers.contract import Provider
from proxy.transport.framing.framing import DECODERS
from tests.providers.gathering import chat_facts, echo, gather
from tests.providers.upstream.facts import EmbeddingFacts, Facts, join_texts

FIXTURES = Path(__file__).parent.parent / "fixtures"

# Whose wire format the request is in; everybody else speaks OpenAI's.
READERS = {
    "anthropic": "anthropic",
    "gemini": "gemini",
    "vertex_ai": "gemini",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "ollama": "ollama",
    "ollama_chat": "ollama",
}

# What a deployment of each needs besides a key.
CONNECTIONS: Mapping[str, Mapping[str, Any]] = {
    "azure": {"api_base": "https://resource.openai.azure.com", "api_version": "2024-10-21"},
    "azure_ai": {"api_base": "https://resource.services.ai.azure.com"},
    "bedrock": {
        "aws_region_name": "us-east-1",
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "secret",
    },
    "vertex_ai": {"vertex_project": "project", "vertex_location": "us-central1"},
    "vertex_ai_beta": {"vertex_project": "project", "vertex_location": "us-central1"},
}


@dataclass(frozen=True)
class Recording:
    name: str
    provider: str
    model: str
    operation: str
    exchanges: tuple[Mapping[str, Any], ...]


def load_recordings() -> list[Recording]:
    return [_load(path) for path in sorted(FIXTURES.glob("*/*-*.json"))]


def _load(path: Path) -> Recording:
    fixture = json.loads(path.read_text())
    provider, _, model = fixture["model"].partition("/")
    name = f"{path.parent.name}/{path.stem}"
    return Recording(name, provider, model, fixture["operation"], tuple(fixture["exchanges"]))


def find_reader(provider: str) -> ModuleType | None:
    """The module of upstream/ that reads the provider's requests; None while it isn't written."""
    name = f"tests.providers.upstream.{READERS.get(provider, 'openai')}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def build_deployment(provider: str, model: str) -> Deployment:
    connection = {"api_key": "test-key", **CONNECTIONS.get(provider, {})}
    return Deployment("deployment-1", "group", provider, model, connection)


def build_call(operation: str, body: Mapping[str, Any]) -> Call:
    return Call(
        id="call-1",
        operation=OPERATIONS[operation],
        model="group",
        document=Document.parse(json.dumps(body).encode()),
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        started_at=1_700_000_000.0,
        upload=probe_upload(OPERATIONS[operation]),
    )


def replay(recording: Recording, provider: Provider, reader: ModuleType) -> list[str]:
    """Everything in which the provider differs from the recording; empty is a pass."""
    deployment = build_deployment(recording.provider, recording.model)
    answers: list[Mapping[str, Any]] = []
    differences: list[str] = []
    for number, exchange in enumerate(recording.exchanges):
        call = build_call(recording.operation, fill_in(exchange["client"], answers))
        request = provider.build_request(call, deployment)
        found = compare_request(request, provider, reader, exchange["expect"]["upstream"])
        try:
            answer = answer_to(exchange["response"], provider, call, deployment)
        except GatewayError as error:
            found += compare_error(error, exchange["expect"]["response"])
        else:
            answers.append(answer)
            found += compare_answer(answer, exchange["expect"]["response"])
        differences += [f"exchange {number}: {difference}" for difference in found]
    return differences


def fill_in(value: Any, answers: list[Mapping[str, Any]]) -> Any:
    """The client's body with its references to earlier answers resolved."""
    if isinstance(value, list):
        return [fill_in(item, answers) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "$echo" in value:
        return echo(answers[value["$echo"]])
    if "$call" in value:
        exchange, position = value["$call"]
        return answers[exchange]["choices"][0]["message"]["tool_calls"][position]["id"]
    return {name: fill_in(item, answers) for name, item in value.items()}


def response_body(response: Mapping[str, Any]) -> bytes:
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    body: str = response["body"]
    return body.encode()


def answer_to(response: Mapping[str, Any], provider: Provider, call: Call, deployment: Deployment) -> dict[str, Any]:
    """The OpenAI answer, gathered if it was streamed. Raises the GatewayError of one that isn't."""
    body = response_body(response)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    if not 200 <= response["status"] < 300:
        raise provider.parse_error(response["status"], body, headers, deployment)
    if not response["stream"]:
        answer: dict[str, Any] = json.loads(provider.parse_response(body, headers, call, deployment).body)
        return answer
    return gather(stream_chunks([body], provider, call, deployment))


def stream_chunks(blocks: Iterable[bytes], provider: Provider, call: Call, deployment: Deployment) -> list[Chunk]:
    """The chunks of a stream whose bytes arrive in these blocks. Raises the GatewayError that ends it."""
    framing, decoder = DECODERS[provider.framing](), provider.open_stream(call, deployment)
    chunks = [chunk for block in blocks for event in framing.feed(block) for chunk in decoder.feed(event)]
    chunks += [chunk for event in framing.finish() for chunk in decoder.feed(event)]
    return chunks + decoder.finish()


def compare_request(
    request: WireRequest, provider: Provider, reader: ModuleType, expected: Mapping[str, Any]
) -> list[str]:
    url = urlsplit(request.url)
    found = []
    if not any(re.search(f"{pattern}$", url.path) for pattern in expected["paths"]):
        found.append(f"path {url.path} is none of {expected['paths']}")
    query = dict(parse_qsl(url.query))
    for name, value in expected.get("query", {}).items():
        if query.get(name) != value:
            found.append(f"query {name} is {query.get(name)!r}, not {value!r}")
    headers = {name.lower() for name in request.headers}
    found += [f"header {name} is missing" for name in expected.get("headers", []) if name not in headers]
    if not any(_authorized(form, request, provider) for form in expected["auth"].split("|")):
        found.append(f"authorization is not by {expected['auth']}")
    facts = reader.read(url.path, request.headers, request.body)
    if "facts" in expected:
        found += compare_facts(facts, expected["facts"])
    if "embedding" in expected:
        found += compare_embedding_facts(facts, expected["embedding"])
    return found


def _authorized(form: str, request: WireRequest, provider: Provider) -> bool:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if form == "bearer":
        return headers.get("authorization", "").startswith("Bearer ")
    if form == "google":
        return "x-goog-api-key" in headers or "key=" in request.url
    signed_by = {"sigv4": "aws", "vertex-bearer": "google"}
    if form in signed_by:
        return provider.auth == signed_by[form]
    return form == "any" or form in headers


def compare_facts(facts: Facts, expected: Mapping[str, Any]) -> list[str]:
    """All facts must be equal; a format may add its own max_tokens, and other members of its own."""
    actual = asdict(facts)
    wanted = {**expected, "atoms": _sorted_atoms(expected["atoms"])}
    actual["atoms"] = _sorted_atoms(actual["atoms"])
    if "max_tokens" not in expected["params"]:
        actual["params"].pop("max_tokens", None)
    actual["extra"] = {name: value for name, value in actual["extra"].items() if name in expected["extra"]}
    return [
        f"upstream {name} is {actual[name]!r}, not {wanted[name]!r}"
        for name in wanted
        if _plain(actual[name]) != _plain(wanted[name])
    ]


def _sorted_atoms(atoms: list[Any]) -> list[Any]:
    joined = join_texts((role, kind, value) for role, kind, value in atoms)
    # The raw form of a tool's result is the client's business.
    return [[role, kind, {k: v for k, v in value.items() if k != "raw"} if kind == "result" else value]
            for role, kind, value in joined]  # fmt: skip


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, sort_keys=True))


def compare_embedding_facts(facts: EmbeddingFacts, expected: Mapping[str, Any]) -> list[str]:
    actual = asdict(facts)
    return [
        f"upstream {name} is {actual[name]!r}, not {expected[name]!r}"
        for name in actual
        if name in expected and actual[name] != expected[name]
    ]


def compare_error(error: GatewayError, expected: Mapping[str, Any]) -> list[str]:
    wanted = expected.get("error")
    if wanted is None:
        return [f"{type(error).__name__}: {error.message}"]
    found = []
    if error.status_code not in wanted["status"]:
        found.append(f"error status {error.status_code} is none of {wanted['status']}")
    if wanted["message_has"] not in error.message:
        found.append(f"error message {error.message!r} lacks {wanted['message_has']!r}")
    return found


def compare_answer(answer: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    if "error" in expected:
        return [f"an answer came where an error was expected: {answer!r:.200}"]
    if "embedding" in expected:
        return compare_embeddings(answer, expected["embedding"])
    return compare_chat(chat_facts(answer), expected["chat"])


def compare_chat(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    contents = [expected["content"] or None, *(text or None for text in expected["content_alt"])]
    reasonings = [expected["reasoning"], expected.get("reasoning_optional", expected["reasoning"])]
    found = [f"content is {actual['content']!r}, not {contents!r}"] * (actual["content"] not in contents)
    found += [f"reasoning is {actual['reasoning']!r}, not {reasonings!r}"] * (actual["reasoning"] not in reasonings)
    found += [f"finish is {actual['finish']}, not {expected['finish']}"] * (actual["finish"] not in expected["finish"])
    for name in ("refusal", "redacted", "n_choices"):
        if name in expected and actual[name] != expected[name]:
            found.append(f"{name} is {actual[name]!r}, not {expected[name]!r}")
    if expected["n_text"] > 1 and actual["n_text"] < 2:
        found.append("the text came in one piece where the provider streamed it")
    found += compare_calls(actual["tool_calls"], expected["tool_calls"])
    accepted = [usage for usage in (expected["usage"], *expected["usage_alt"]) if usage is not None]
    if accepted and not any(_counts(actual["usage"], usage) for usage in accepted):
        found.append(f"usage is {actual['usage']}, none of {accepted}")
    sent_back = json.dumps(actual["message"])
    found += [
        f"signature {signature:.20}... is missing"
        for signature in expected.get("signatures", [])
        if json.dumps(signature) not in sent_back
    ]
    return found


def compare_calls(actual: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[str]:
    plain = [{name: call[name] for name in ("name", "args")} for call in actual]
    wanted = [{name: call[name] for name in ("name", "args")} for call in expected]
    if plain != wanted:
        return [f"tool calls are {plain}, not {wanted}"]
    return [
        f"tool call id is {call['id']!r}, not {recorded['id']!r}"
        for call, recorded in zip(actual, expected, strict=True)
        if not call["id"] or recorded.get("id") not in (None, call["id"])
    ]


def _counts(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    return all((actual.get(name) or 0) == (value or 0) for name, value in expected.items())


def compare_embeddings(answer: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    vectors = [item["embedding"] for item in answer["data"]]
    actual = {
        "n": len(vectors),
        "dim": len(vectors[0]),
        "head": [[round(number, 7) for number in vector[:6]] for vector in vectors],
        "tail": [[round(number, 7) for number in vector[-2:]] for vector in vectors],
        "prompt_tokens": answer["usage"]["prompt_tokens"],
    }
    return [
        f"embedding {name} is {actual[name]}, not {value}" for name, value in expected.items() if actual[name] != value
    ]
