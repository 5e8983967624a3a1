"""A model for agents to talk to: it speaks Anthropic's Messages, OpenAI's chat completions and, as a model whose name
begins with `native`, its Responses API. It plays one small script.

Asked with TOOLTEST it calls the tool Bash, or the first tool there is; with `READTEST <path>` the tool Read, with AGENTTEST
the tool Agent. With a result it repeats the result; else it says REPLY. Faults are asked for in the model's name:
`error-429` and `error-529` once and then an answer, `error-400` always, `cut` a stream that breaks once in the middle,
`event-error` one that ends with an error.
"""

import contextlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPLY = "The scripted model greets you."
TOOL_OUTPUT = "hello-from-tool"
_ERRORS = {
    "error-429": (429, "rate_limit_error", "slow down"),
    "error-529": (529, "overloaded_error", "Overloaded"),
    "error-400": (400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
}
_ALWAYS = ("error-400",)
# By the names of the agents' tools for commands.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "Bash": {"command": f"echo {TOOL_OUTPUT}", "description": "Say hello"},
    "exec_command": {"cmd": f"echo {TOOL_OUTPUT}"},
}


class Play:
    """What the model does next: a text, or a call of a tool."""

    def __init__(self, text: str, tool: tuple[str, dict[str, Any]] | None = None) -> None:
        self.text = text
        self.tool = tool


class ScriptedModel:
    """A server on loopback. `requests` are (path, headers, body) in their order."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self._seen: Counter[str] = Counter()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                model.requests.append((self.path, headers, body))
                model.answer(self, body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator["ScriptedModel"]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def asked(self, path_end: str) -> list[dict[str, Any]]:
        """The bodies of the requests to paths that end so."""
        return [body for path, _, body in self.requests if path.partition("?")[0].endswith(path_end)]

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        path = handler.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            return _send(handler, 200, {"input_tokens": 4321})
        fault = next((name for name in (*_ERRORS, "cut", "event-error") if name in str(body.get("model"))), None)
        self._seen[f"{fault} {path}"] += 1
        first = self._seen[f"{fault} {path}"] == 1
        if fault in _ERRORS and (first or fault in _ALWAYS):
            status, kind, message = _ERRORS[fault]
            return _send(handler, status, {"type": "error", "error": {"type": kind, "message": message}})
        if path.endswith("/responses") and not str(body.get("model")).startswith("native"):
            return _send(handler, 404, {"detail": "Not Found"})
        speak = next((form for ending, form in _FORMS.items() if path.endswith(ending)), _chat)
        events, whole = speak(plan(body), str(body.get("model")))
        if not body.get("stream"):
            return _send(handler, 200, whole)
        broken = fault if first and fault in ("cut", "event-error") else None
        return _stream(handler, events, broken)


def plan(body: dict[str, Any]) -> Play:
    result = _last_result(body.get("messages") or body["input"])
    if result is not None:
        return Play(f"The tool printed: {result}")
    said = json.dumps(body.get("messages") or body["input"])
    path = re.search(r"READTEST ([\w./-]+)", said)
    if path and body.get("tools"):
        return Play("I read it.", ("Read", {"file_path": path[1]}))
    if "AGENTTEST" in said and body.get("tools"):
        task = {"description": "greet", "prompt": "say hello", "subagent_type": "general-purpose"}
        return Play("I delegate.", ("Agent", task))
    if "TOOLTEST" in said and body.get("tools"):
        names = [tool.get("name") or tool.get("function", {}).get("name") for tool in body["tools"]]
        name = next((known for known in _ARGUMENTS if known in names), names[0])
        return Play("I use a tool.", (name, _ARGUMENTS.get(name, {"city": "Paris"})))
    return Play(REPLY)


def _last_result(messages: list[dict[str, Any]]) -> str | None:
    for message in reversed(messages):
        content = message.get("content")
        if message.get("type") == "function_call_output":
            return str(message["output"])
        if message.get("role") == "tool":
            return str(content)
        for block in content if isinstance(content, list) else ():
            if block.get("type") == "tool_result":
                inner = block.get("content")
                return inner if isinstance(inner, str) else " ".join(part.get("text", "") for part in inner or ())
    return None


def _event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def _messages(play: Play, model: str) -> tuple[list[bytes], dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": play.text}]
    if play.tool:
        blocks.append({"type": "tool_use", "id": "toolu_01scripted", "name": play.tool[0], "input": play.tool[1]})
    reason = "tool_use" if play.tool else "end_turn"
    usage = {
        "input_tokens": 1200,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 300,
        "output_tokens": 21,
    }
    head = {"id": "msg_01scripted", "type": "message", "role": "assistant", "model": model}
    ends = {"stop_reason": reason, "stop_sequence": None}
    opening = {
        **head,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    events = [_event("message_start", message=opening), _event("ping")]
    for index, block in enumerate(blocks):
        is_text = block["type"] == "text"
        empty = {"type": "text", "text": ""} if is_text else {**block, "input": {}}
        events.append(_event("content_block_start", index=index, content_block=empty))
        text = block["text"] if is_text else json.dumps(block["input"])
        for at in range(0, len(text), 8):
            piece = text[at : at + 8]
            delta = (
                {"type": "text_delta", "text": piece}
                if is_text
                else {"type": "input_json_delta", "partial_json": piece}
            )
            events.append(_event("content_block_delta", index=index, delta=delta))
        events.append(_event("content_block_stop", index=index))
    events += [_event("message_delta", delta=ends, usage={"output_tokens": 21}), _event("message_stop")]
    return events, {**head, "content": blocks, **ends, "usage": usage}


def _chunk(delta: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **members,
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _chat(play: Play, model: str) -> tuple[list[bytes], dict[str, Any]]:
    message: dict[str, Any] = {"role": "assistant", "content": play.text}
    events = [_chunk({"role": "assistant", "content": ""})]
    events += [_chunk({"content": play.text[at : at + 8]}) for at in range(0, len(play.text), 8)]
    if play.tool:
        function = {"name": play.tool[0], "arguments": json.dumps(play.tool[1])}
        call = {"id": "call_scripted", "type": "function", "function": function}
        message["tool_calls"] = [call]
        events.append(_chunk({"tool_calls": [{"index": 0, **call, "function": {**function, "arguments": ""}}]}))
        text = function["arguments"]
        events += [
            _chunk({"tool_calls": [{"index": 0, "function": {"arguments": text[at : at + 8]}}]})
            for at in range(0, len(text), 8)
        ]
    finish = "tool_calls" if play.tool else "stop"
    usage = {
        "prompt_tokens": 1500,
        "completion_tokens": 21,
        "total_tokens": 1521,
        "prompt_tokens_details": {"cached_tokens": 300},
    }
    events += [_chunk({}, finish), _chunk({}, choices=[], usage=usage), b"data: [DONE]\n\n"]
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return events, {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage,
    }  # fmt: skip


def _responses(play: Play, model: str) -> tuple[list[bytes], dict[str, Any]]:
    text = {"type": "output_text", "text": play.text, "annotations": []}
    items: list[dict[str, Any]] = [
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    ]
    if play.tool:
        call = {"call_id": "call_scripted", "name": play.tool[0], "arguments": json.dumps(play.tool[1])}
        items.append({"id": "fc_1", "type": "function_call", "status": "completed", **call})
    usage = {"input_tokens": 1500, "output_tokens": 21, "total_tokens": 1521}
    whole = {
        "id": "resp_1",
        "object": "response",
        "model": model,
        "status": "completed",
        "output": items,
        "usage": usage,
    }
    opened = {**whole, "status": "in_progress", "output": [], "usage": None}
    events = [_event("response.created", response=opened), _event("response.in_progress", response=opened)]
    for place, item in enumerate(items):
        empty = {**item, "status": "in_progress", **({"arguments": ""} if "arguments" in item else {"content": []})}
        events.append(_event("response.output_item.added", output_index=place, item=empty))
        kind, said = ("output_text", play.text) if place == 0 else ("function_call_arguments", item["arguments"])
        where = {"item_id": item["id"], "output_index": place, "content_index": 0}
        for at in range(0, len(said), 8):
            events.append(_event(f"response.{kind}.delta", **where, delta=said[at : at + 8]))
        events.append(_event("response.output_item.done", output_index=place, item=item))
    return [*events, _event("response.completed", response=whole)], whole


_FORMS = {"/messages": _messages, "/responses": _responses}


def _send(handler: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    if status == 429:
        handler.send_header("retry-after", "1")
    handler.end_headers()
    handler.wfile.write(data)


def _stream(handler: BaseHTTPRequestHandler, events: list[bytes], broken: str | None) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    shown = events if broken is None else events[:5]
    if broken == "event-error":
        error = {"type": "overloaded_error", "message": "Overloaded"}
        shown = [*shown, _event("error", error=error)]
    for event in shown:
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        handler.wfile.flush()
    if broken is None:
        handler.wfile.write(b"0\r\n\r\n")
    else:
        handler.close_connection = True
