"""Compares what our Langfuse sink sends with what Langfuse's own client library sends for the same call.

    PYTHONPATH=. PYTHON_WITH_LANGFUSE bench/langfuse_peer.py      (langfuse 2.x, the release line that LiteLLM uses)

A stand-in for the ingestion API on loopback takes both. Each event must be valid by the library's own model of the
API, and the fields that say who and what must be equal. Exits 1 if they are not.
"""

import threading
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson
from langfuse import Langfuse
from langfuse.api.resources.ingestion.types import IngestionEvent
from langfuse.model import ModelUsage

try:
    from pydantic.v1 import parse_obj_as
except ImportError:
    from pydantic import parse_obj_as

from proxy.domain.cost import Cost
from proxy.domain.record import CallRecord
from proxy.domain.usage import Usage
from proxy.errors import Attempt
from proxy.runtime import Runtime
from proxy.sinks.contract import Posted, SinkContext
from proxy.sinks.langfuse import build

METADATA = {
    "generation_name": "ishaan-generation-openai-client",
    "generation_id": "openai-client-gen-id22",
    "trace_id": "openai-client-trace-id22",
    "trace_user_id": "openai-client-user-id2",
}
MESSAGES = [{"role": "user", "content": "this is a test request, write a short poem"}]
ANSWER = {"role": "assistant", "content": "roses"}
COMPARED = {
    "trace-create": ("id", "name", "userId", "input", "output"),
    "generation-create": ("id", "name", "traceId", "model", "modelParameters", "input", "output", "endTime"),
}


class StandIn(BaseHTTPRequestHandler):
    """Langfuse's ingestion endpoint: 207 and a success for each event."""

    received: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        events = orjson.loads(self.rfile.read(int(self.headers["content-length"])))["batch"]
        self.received.extend(events)
        answer = orjson.dumps({"successes": [{"id": event["id"], "status": 201} for event in events], "errors": []})
        self.send_response(207)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


def send_ours(url: str) -> None:
    def post(target: str, body: bytes, headers: Any) -> Posted:
        parts = urlsplit(target)
        connection = HTTPConnection(parts.hostname or "", parts.port)
        connection.request("POST", parts.path, body, dict(headers))
        answer = connection.getresponse()
        return Posted(answer.status, answer.read())

    environ = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_HOST": url}
    record = CallRecord(
        id="call-1",
        call_type="acompletion",
        stream=False,
        status="success",
        start_time=1_700_000_000.0,
        end_time=1_700_000_001.0,
        response_time=1.0,
        model="gpt-3.5-turbo",
        model_group="gpt-3.5-turbo",
        model_parameters={"temperature": 0.5},
        attempts=(Attempt("gpt-3.5-turbo", "d1", "simple-shuffle", 200, None, 990.0),),
        usage=Usage(17, 47, 64),
        cost=Cost(0.000079),
        metadata_json=orjson.dumps(METADATA),
        messages_json=orjson.dumps(MESSAGES),
        response_json=orjson.dumps({"choices": [{"message": ANSWER}]}),
    )
    build(SinkContext(post, Runtime(), environ=environ, version="bench")).write([record])


def send_peers(url: str) -> None:
    client = Langfuse(public_key="pk", secret_key="sk", host=url)
    name = "litellm-acompletion"
    trace = client.trace(
        id=METADATA["trace_id"], name=name, user_id=METADATA["trace_user_id"], input=MESSAGES, output=ANSWER
    )
    trace.generation(
        id=METADATA["generation_id"],
        name=METADATA["generation_name"],
        start_time=datetime.fromtimestamp(1_700_000_000, UTC),
        end_time=datetime.fromtimestamp(1_700_000_001, UTC),
        model="gpt-3.5-turbo",
        model_parameters={"temperature": 0.5},
        input=MESSAGES,
        output=ANSWER,
        usage=ModelUsage(input=17, output=47, total=64),
    )
    client.flush()


def receive(send: Any, url: str) -> dict[str, dict[str, Any]]:
    """The bodies by event type; each event is checked against the library's model first."""
    StandIn.received.clear()
    send(url)
    for event in StandIn.received:
        parse_obj_as(IngestionEvent, event)
    return {event["type"]: event["body"] for event in StandIn.received}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str) and one.endswith("Z"):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return bool(one == other)


def main() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    ours, peers = receive(send_ours, url), receive(send_peers, url)
    wrong = 0
    for kind, fields in COMPARED.items():
        for field in fields:
            equal = same(ours[kind].get(field), peers[kind].get(field))
            wrong += not equal
            print(f"{'equal ' if equal else 'DIFFER'} {kind}.{field}: {ours[kind].get(field)!r}")
            if not equal:
                print(f"       theirs: {peers[kind].get(field)!r}")
    server.shutdown()
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
