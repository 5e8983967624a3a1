"""The recipes of CONTRIBUTING as edits, and what a gateway must answer once one was followed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.architecture.copied_tree import Edit

DEMO = "model_list: [{model_name: demo, litellm_params: {model: mock/demo}}]\n"
# They hold of every change.
HOUSE = ("tests/architecture/test_house.py", "tests/architecture/test_import_cycles.py", "tests/docs/test_generated.py")


@dataclass(frozen=True)
class Recipe:
    """`task` is in the first column of CONTRIBUTING's table. `expected` is what `script` must find; see CopiedTree.

    `suites` are the tests that a newcomer runs for such a change, `tests` what is added to tables in tests.
    """

    task: str
    edits: tuple[Edit, ...]
    script: str
    expected: Mapping[str, Any]
    config: str = DEMO
    suites: tuple[str, ...] = ()
    tests: tuple[Edit, ...] = ()


ROW = Recipe(
    "speaks OpenAI's format",
    (
        Edit(
            "proxy/providers/compatible/rows.py",
            '    "acme": Compatible("mock://local/v1", ("ACME_KEY",)),\n',
            before='    "abliteration":',
        ),
    ),
    """
answer = chat("acme")
found["status"], found["model"] = answer.status_code, answer.get_json()["model"]
found["needs_key"] = client.get("/v1/capabilities").get_json()["acme"]["needs_key"]
""",
    {"status": 200, "model": "acme/large", "needs_key": True},
    "model_list: [{model_name: acme, litellm_params: {model: acme/large, api_key: k}}]\n",
    ("tests/providers/test_capabilities.py",),
)

OWN_FORMAT = Recipe(
    "own wire format",
    (
        Edit(
            "proxy/providers/zenith.py",
            '''"""Zenith: a prompt in, a text out. It has no streams."""

from collections.abc import Mapping

import orjson

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError, GatewayError
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.translation.errors import build_error


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    body = orjson.dumps({"prompt": call.fields["messages"][-1]["content"]})
    return WireRequest(url=f"{deployment.api_base}/say", headers={"content-type": "application/json"}, body=body)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    message = {"role": "assistant", "content": orjson.loads(body)["text"]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return Answer(orjson.dumps({"object": "chat.completion", "choices": [choice]}), None, None, headers)


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    return build_error(status, body, headers, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    raise BadRequestError("zenith has no streams", param="stream", provider="zenith")


PROVIDER = Provider(
    "zenith",
    build_request,
    parse_response,
    parse_error,
    open_stream,
    supported={"chat": frozenset()},
    needs_key=False,
)
''',
        ),
        Edit(
            "proxy/providers/registry.py", "from proxy.providers import zenith\n", before="from proxy.providers import "
        ),
        Edit("proxy/providers/registry.py", '    "zenith": zenith.PROVIDER,\n', before='    "anthropic":'),
    ),
    """
import os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Zenith(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"text": f"{self.path} {asked['prompt']}"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

server = HTTPServer(("127.0.0.1", int(os.environ["ZENITH_PORT"])), Zenith)
threading.Thread(target=server.serve_forever, daemon=True).start()
found["text"] = chat("zenith").get_json()["choices"][0]["message"]["content"]
found["stream"] = chat("zenith", stream=True).get_json()["error"]["param"]
server.shutdown()
""",
    {"text": "/say hi", "stream": "stream"},
    "model_list: [{model_name: zenith, litellm_params: {model: zenith/one, api_base: os.environ/ZENITH_BASE}}]\n",
)

OPERATION = Recipe(
    "an operation",
    (
        Edit("proxy/domain/operations.py", "from schemas.grade import GradeSchema\n", before="from schemas.request "),
        Edit(
            "proxy/domain/operations.py",
            """GRADE = Operation(
    name="grade",
    call_type="agrade",
    schema=GradeSchema,
    paths=("grade", "v2/grade"),
    parameters=frozenset({"most"}),
    results="results",
    content=("query", "passages"),
    text=("query", "passages"),
    identified_by=frozenset({"query", "passages"}),
    amounts=(amounts.count_queries,),
    mode="grade",
    probe={"query": "hi", "passages": ["hi"]},
    mock=mock_answers.grade,
)

""",
            before="# In the order in which",
        ),
        Edit("proxy/domain/operations.py", "    GRADE,\n", before="    MODERATIONS,"),
        Edit(
            "proxy/domain/mock_answers.py",
            """def grade(body: Mapping[str, Any], _: Behaviour) -> dict[str, Any]:
    passages = body.get("passages") or []
    results = [{"index": index, "relevance_score": 1 / (index + 1)} for index in range(len(passages))]
    return {"id": identity("grade", body), "results": results[: body.get("most")]}


""",
            before="def chat_chunk(",
        ),
        Edit(
            "schemas/grade.py",
            '"""POST grade."""\n\n'
            "from schemas.fields import ListOf, Number, Text, check_text\nfrom schemas.request import RequestSchema\n\n\n"
            "class GradeSchema(RequestSchema):\n    query = Text(required=True)\n"
            "    passages = ListOf(check_text, filled=True, required=True)\n"
            "    most = Number(whole=True, minimum=1, allow_none=True)\n",
        ),
        Edit(
            "proxy/endpoints/grade.py",
            '"""POST grade."""\n\n'
            "from flask import Blueprint, Response\n\nfrom proxy.domain.operations import GRADE\n"
            "from proxy.endpoints.operation import route, serve\n\n"
            'blueprint = Blueprint("grade", __name__)\n\n\n@route(blueprint, GRADE)\n'
            "def create_grade(model: str | None = None) -> Response:\n    return serve(GRADE, model)\n",
        ),
    ),
    """
body = {"model": "rank", "query": "q", "passages": ["a", "b", "c"], "most": 2}
answer = client.post("/v1/grade", json=body)
found["indexes"] = [result["index"] for result in answer.get_json()["results"]]
found["cost"] = answer.headers["x-litellm-response-cost"]
found["other_path"] = client.post("/v2/grade", json=body).status_code
found["azure_path"] = client.post("/openai/deployments/rank/grade", json=body).status_code
found["refused"] = client.post("/grade", json={"model": "rank", "query": "q"}).get_json()["error"]["param"]
found["unsupported"] = client.post("/grade", json={**body, "model": "chat-only"}).get_json()["error"]["message"]
explained = client.post("/router/explain", json=body).get_json()
found["explained"] = [explained["request"]["url"], explained["request"]["body"]["passages"]]
found["capabilities"] = client.get("/v1/capabilities").get_json()["mock"]["operations"]["grade"]
health = client.get("/health").get_json()
found["healthy"] = sorted(entry["model_name"] for entry in health["healthy_endpoints"])
parts.close()
metrics = client.get("/metrics").get_data(as_text=True)
found["metrics"] = sum(1 for line in metrics.splitlines()
                       if line.startswith("litellm_spend_metric_total{") and 'requested_model="rank"' in line)
records = [json.loads(line) for line in open("records.jsonl")]
record = next(record for record in records if record["call_type"] == "agrade" and record["status"] == "success")
found["record"] = [record["messages"], record["cost_breakdown"]["unit_cost"]]
found["failures"] = sorted(record["call_type"] for record in records if record["status"] == "failure")
from proxy.routing.estimate import prompt_tokens
from proxy.sinks import semconv
found["estimate"] = prompt_tokens({"query": "12345678", "passages": ["1234"]})
found["span"] = semconv.operation_name("grade")
""",
    {
        "indexes": [0, 1],
        "cost": "0.5",
        "other_path": 200,
        "azure_path": 200,
        "refused": "passages",
        "unsupported": "anthropic has no grade",
        "explained": ["mock://local/v1/grade", ["a", "b", "c"]],
        "capabilities": {"stream": False, "supported": ["most"], "unsupported": []},
        "healthy": ["rank"],
        "metrics": 1,
        "record": [{"query": "q", "passages": ["a", "b", "c"]}, 0.5],
        "failures": ["agrade", "agrade"],
        "estimate": 3,
        "span": "grade",
    },
    """
model_list:
  - model_name: rank
    litellm_params: {model: mock/ranker}
    model_info: {mode: grade, input_cost_per_query: 0.5}
  - model_name: chat-only
    litellm_params: {model: anthropic/claude, api_key: k, api_base: "http://127.0.0.1:9"}
litellm_settings:
  callbacks: [json, prometheus]
  turn_off_message_logging: false
  require_auth_for_metrics_endpoint: false
callback_settings: {json: {path: records.jsonl}}
""",
    ("tests/providers/test_parameters.py",),
    (Edit("tests/providers/test_capabilities.py", '    "most": (2, {}),\n', before='    "top_p"'),),
)

STRATEGY = Recipe(
    "a routing strategy",
    (
        Edit(
            "proxy/routing/strategies.py",
            "def first_listed(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput)"
            ' -> int:\n    """The first of the file."""\n    return 0\n\n\n',
            before="STRATEGIES: Mapping",
        ),
        Edit(
            "proxy/routing/strategies.py",
            '    "first-listed": Strategy(first_listed, needs_state=False),\n',
            before='    "simple-shuffle": S',
        ),
    ),
    """
ids = [chat("both").headers["x-litellm-model-id"] for _ in range(12)]
found["answered"] = sorted(set(ids))
""",
    {"answered": ["one"]},
    """
model_list:
  - {model_name: both, litellm_params: {model: mock/a}, model_info: {id: one}}
  - {model_name: both, litellm_params: {model: mock/b}, model_info: {id: two}}
router_settings: {routing_strategy: first-listed}
""",
    (
        "tests/routing/test_router_strategies.py",
        "tests/settings/test_router.py",
        "tests/schemas/test_config.py",
    ),
)

SINK = Recipe(
    "a sink",
    (
        Edit("proxy/domain/sink_names.py", '        "shout": "shout",\n', before='        "webhook"'),
        Edit(
            "proxy/sinks/shout.py",
            '''"""Writes the model group of each call to a file, in capitals."""

from collections.abc import Sequence
from pathlib import Path

from proxy.domain.record import CallRecord
from proxy.sinks.contract import SinkContext


class Shout:
    name = "shout"
    tries = 1
    anonymous = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, records: Sequence[CallRecord]) -> None:
        with self._path.open("a") as file:
            file.writelines(record.model_group.upper() for record in records)

    def close(self) -> None:
        pass


def build(context: SinkContext) -> Shout:
    return Shout(Path(context.options("shout").get("path", "shouted.txt")))
''',
        ),
    ),
    """
found["status"] = chat().status_code
parts.close()
found["written"] = open("shouted.txt").read()
""",
    {"status": 200, "written": "DEMO"},
    DEMO + "litellm_settings: {callbacks: [shout]}\ncallback_settings: {shout: {path: shouted.txt}}\n",
    ("tests/sinks/test_table.py", "tests/settings/test_callbacks.py"),
)

SETTING = Recipe(
    "a setting",
    (
        Edit(
            "schemas/settings_table.py",
            '    ("colour", "text", "blue", "supported", "the colour that `/` answers with"),\n',
            before='    ("completion_model"',
        ),
        Edit("proxy/settings/values.py", '    colour: str = "blue"\n', before="    completion_model:"),
        Edit(
            "proxy/pages/home.py",
            "        colour=current_parts().settings.general.colour,\n",
            before="        version=__version__",
        ),
        Edit(
            "proxy/pages/home.py",
            "from proxy.web.serving import current_parts\n",
            before="from proxy.web.identity",
        ),
    ),
    """
found["colour"] = client.get("/").get_json()["colour"]
found["warnings"] = list(parts.settings.warnings)
""",
    {"colour": "red", "warnings": []},
    DEMO + "general_settings: {colour: red}\n",
    ("tests/settings/test_table.py", "tests/schemas/test_config.py"),
)

PAGE = Recipe(
    "a page",
    (
        Edit(
            "proxy/pages/colours.py",
            '''"""The colours page: an example."""

from flask import Blueprint, Response

from proxy.pages.page import guarded, page

blueprint = Blueprint("colours", __name__)


@blueprint.get("/colours")
@guarded
def show_colours() -> Response:
    return page("colours.html", colours=["red", "<b>blue"])
''',
        ),
        Edit(
            "proxy/pages/templates/colours.html",
            '{% extends "base.html" %}\n{% block title %}Colours{% endblock %}\n'
            "{% block body %}<ul>{% for colour in colours %}<li>{{ colour }}</li>{% endfor %}</ul>{% endblock %}\n",
        ),
        Edit(
            "proxy/pages/registry.py", "from proxy.pages import colours\n", before="from proxy.pages import api, status"
        ),
        Edit("proxy/pages/registry.py", "    colours.blueprint,\n", before="    status.blueprint"),
    ),
    """
anonymous = client.get("/colours")
shown = client.get("/colours", headers={"authorization": "Bearer sk-1234"})
found["statuses"] = [anonymous.status_code, shown.status_code]
found["escaped"] = "<li>&lt;b&gt;blue</li>" in shown.get_data(as_text=True)
found["protected"] = "default-src 'none'" in shown.headers["content-security-policy"]
""",
    {"statuses": [401, 200], "escaped": True, "protected": True},
    DEMO + "general_settings: {master_key: sk-1234}\n",
    ("tests/web/test_status_page.py",),
)

BARE_SCHEMA = '''"""The bare dialect's body."""

from schemas.fields import Text
from schemas.request import RequestSchema


class BareSchema(RequestSchema):
    text = Text()
'''
DIALECT = Recipe(
    "a client dialect",
    (
        Edit(
            "proxy/dialects/bare.py",
            '''"""The bare dialect: a text in, a text out. An example."""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.contract import Price, StreamWriter
from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.json_text.document import Document
from proxy.errors import BadRequestError, GatewayError


class BareDialect:
    """See Dialect."""

    name = "bare"
    id_header: str | None = None
    stream_type = "text/plain; charset=utf-8"

    def owns(self, path: str) -> bool:
        return path.endswith("/bare")

    def read_request(self, document: Document) -> Document:
        text = document.fields.get("text")
        if not isinstance(text, str):
            raise BadRequestError("'text' must be a string.", param="text")
        return Document.of({"model": document.fields["model"], "messages": [{"role": "user", "content": text}]})

    def write_answer(self, call: Call, answer: Answer, seconds: float) -> bytes:
        return dumps({"text": loads(answer.body)["choices"][0]["message"]["content"]})

    def open_writer(self, call: Call, form: str, price: Price) -> StreamWriter:
        return BareWriter()

    def status_of(self, error: GatewayError) -> int:
        return error.status_code

    def write_error(self, error: GatewayError, request_id: str) -> Mapping[str, Any]:
        return {"problem": error.message}


class BareWriter:
    """The texts, one after another."""

    def frames(self, chunks: list[Chunk]) -> bytes:
        deltas = [choice["delta"] for chunk in chunks for choice in loads(chunk.data)["choices"]]
        return "".join([delta.get("content") or "" for delta in deltas]).encode()

    def ping(self, notice: str | None) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

    def error(self, body: bytes) -> bytes:
        return body

    def is_complete(self) -> bool:
        return False


BARE = BareDialect()
''',
        ),
        Edit(
            "proxy/dialects/registry.py",
            "from proxy.dialects.bare import BARE\n",
            before="from proxy.dialects.contract ",
        ),
        Edit("proxy/dialects/registry.py", "    BARE,\n", before="    MESSAGES_DIALECT,"),
        Edit("schemas/bare.py", BARE_SCHEMA),
        Edit("proxy/domain/operations.py", "from schemas.bare import BareSchema\n", before="from schemas.request "),
        Edit(
            "proxy/domain/operations.py",
            """BARE = Operation(
    name="bare",
    call_type="abare",
    schema=BareSchema,
    paths=("bare",),
    answers=("json", "stream"),
    dialect="bare",
    pivot=CHAT,
)

""",
            before="# In the order in which",
        ),
        Edit(
            "proxy/endpoints/bare.py",
            '''"""POST bare."""

from flask import Blueprint, Response

from proxy.domain.operations import BARE
from proxy.endpoints.operation import route
from proxy.web.serving import current_parts

blueprint = Blueprint("bare", __name__)


@route(blueprint, BARE)
def create_bare(model: str | None = None) -> Response:
    parts = current_parts()
    return parts.presenter.respond(parts.gateway.serve(parts.reader.read_dialect(BARE, model)))
''',
        ),
    ),
    """
answer = client.post("/v1/bare", json={"model": "demo", "text": "hello"})
found["status"], found["echoes"] = answer.status_code, "hello" in answer.get_json()["text"]
found["streams"] = b"hello" in client.post("/bare", json={"model": "demo", "text": "hello", "stream": True}).data
found["error"] = list(client.post("/bare", json={"model": "nope", "text": "hello"}).get_json())
found["method"] = list(client.get("/bare").get_json())
""",
    {"status": 200, "echoes": True, "streams": True, "error": ["problem"], "method": ["problem"]},
    suites=("tests/web/test_paths.py",),
)

CACHE_STORE = Recipe(
    "a cache store",
    (
        Edit(
            "proxy/cache/shelf.py",
            '''"""A store with one place: an example."""

from collections.abc import Sequence


class ShelfStore:
    """See CacheStore."""

    kind = "shelf"
    failures = 0

    def __init__(self) -> None:
        self._kept: tuple[str, bytes] | None = None

    def read(self, key: str, now: float) -> bytes | None:
        return self._kept[1] if self._kept is not None and self._kept[0] == key else None

    def write(self, key: str, data: bytes, expires_at: float, now: float) -> bool:
        self._kept = (key, data)
        return True

    def delete(self, keys: Sequence[str]) -> bool:
        return self.clear()

    def clear(self) -> bool:
        self._kept = None
        return True

    def ping(self) -> bool:
        return True
''',
        ),
        Edit("proxy/assembly/cache.py", "from proxy.cache.shelf import ShelfStore\n", before="from proxy.cache.store "),
        Edit("proxy/assembly/cache.py", '    "shelf": lambda *_: ShelfStore(),\n', before='    "local": _build_local'),
        Edit("proxy/settings/cache.py", '    "shelf": 60.0,\n', before='    "local": 600.0'),
    ),
    """
answers = [chat("demo") for _ in range(2)]
found["hits"] = [answer.headers["x-litellm-cache-hit"] for answer in answers]
found["kind"] = client.get("/cache/ping").get_json()["cache_type"]
""",
    {"hits": ["False", "True"], "kind": "shelf"},
    DEMO + "litellm_settings: {cache: true, cache_params: {type: shelf}}\n",
    ("tests/cache",),
)

RECIPES = (ROW, OWN_FORMAT, OPERATION, STRATEGY, SINK, SETTING, PAGE, DIALECT, CACHE_STORE)
