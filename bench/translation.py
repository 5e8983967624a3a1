"""What translating a streamed answer costs beside relaying one: CPU of the gateway's worker per stream, whole path.

    python -m bench.translation [--events 300] [--requests 40] [--rounds 5]

One gateway with one worker; the upstream is a process of its own on loopback that answers in the format of the path it
is asked at. The formats take turns, round by round; printed are the medians, and each as a multiple of OpenAI's.
"""

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.process import LOAD_CORE, SERVED_CORE, Program, free_port, running

WORD = "wörd "
MODELS = {
    "openai": {"model": "openai/gpt-4o", "api_base": "{url}/openai"},
    "groq": {"model": "groq/llama-3.3-70b-versatile", "api_base": "{url}/openai"},
    "anthropic": {"model": "anthropic/claude-sonnet-4-5", "api_base": "{url}/anthropic"},
    "gemini": {"model": "gemini/gemini-2.5-flash", "api_base": "{url}/gemini/v1beta"},
    "cohere": {"model": "cohere/command-a-03-2025", "api_base": "{url}/cohere"},
    "ollama": {"model": "ollama_chat/llama3.1", "api_base": "{url}/ollama"},
}


def sse(*events: Any, named: bool = False) -> bytes:
    lines = (b"event: %b\n" % event["type"].encode() if named else b"" for event in events)
    return b"".join(
        head + b"data: " + json.dumps(event).encode() + b"\n\n" for head, event in zip(lines, events, strict=True)
    )


def openai_stream(count: int) -> list[bytes]:
    def chunk(delta: Any, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
        return sse({**head, "system_fingerprint": "fp_1", "choices": [choice]})

    texts = [chunk({"content": WORD}) for _ in range(count)]
    return [chunk({"role": "assistant", "content": ""}), *texts, chunk({}, "stop"), b"data: [DONE]\n\n"]


def anthropic_stream(count: int) -> list[bytes]:
    usage = {"input_tokens": 9, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": []}
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": WORD}}
    ends = (
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count}},
        {"type": "message_stop"},
    )
    return [
        sse({"type": "message_start", "message": {**message, "usage": usage}}, named=True),
        sse({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}, named=True),
        *[sse(text, named=True)] * count,
        *[sse(end, named=True) for end in ends],
    ]


def gemini_stream(count: int) -> list[bytes]:
    def event(**finish: Any) -> bytes:
        candidate = {"content": {"role": "model", "parts": [{"text": WORD}]}, "index": 0, **finish}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18}
        return sse({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"})

    return [*[event()] * (count - 1), event(finishReason="STOP")]


def cohere_stream(count: int) -> list[bytes]:
    text = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": WORD}}}}
    usage = {"tokens": {"input_tokens": 9, "output_tokens": count}}
    return [
        sse({"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant"}}}, named=True),
        *[sse(text, named=True)] * count,
        sse({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}, named=True),
    ]


def ollama_stream(count: int) -> list[bytes]:
    def line(**more: Any) -> bytes:
        message = {"role": "assistant", "content": WORD}
        return json.dumps(
            {"model": "llama3.1", "created_at": "2026-01-01T00:00:00Z", "message": message, **more}
        ).encode()

    last = line(done=True, done_reason="stop", prompt_eval_count=9, eval_count=count)
    return [*[line(done=False) + b"\n"] * (count - 1), last + b"\n"]


STREAMS: dict[str, Callable[[int], list[bytes]]] = {
    "openai": openai_stream,
    "anthropic": anthropic_stream,
    "gemini": gemini_stream,
    "cohere": cohere_stream,
    "ollama": ollama_stream,
}


def serve(port: int, events: int) -> None:
    """Answer with the stream that the path's first segment names: one chunk of HTTP per event, in batches of 20."""
    bodies = {}
    for name, build in STREAMS.items():
        pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in build(events)] + [b"0\r\n\r\n"]
        bodies[name] = [b"".join(pieces[start : start + 20]) for start in range(0, len(pieces), 20)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            name = self.path.split("/")[1]
            self.send_response(200)
            self.send_header("content-type", "application/x-ndjson" if name == "ollama" else "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for block in bodies[name]:
                self.wfile.write(block)
                time.sleep(0.0005)

        def log_message(self, *line: Any) -> None: ...

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


@contextmanager
def gateway(url: str, folder: Path) -> Iterator[Program]:
    """A gateway with one worker."""
    models = [
        {
            "model_name": name,
            "litellm_params": {"api_key": "k", **{key: value.format(url=url) for key, value in params.items()}},
        }
        for name, params in MODELS.items()
    ]
    config, port = folder / "config.yaml", free_port()
    config.write_text(json.dumps({"model_list": models}))
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(config), "--port", str(port), "--workers", "1"]
    with running(command, port, core=SERVED_CORE, ready="/livez", log=folder / "gateway.log") as program:
        yield program


def ask(port: int, model: str, requests: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]})
    for _ in range(requests):
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        answer = connection.getresponse().read()
        if not answer.endswith(b"data: [DONE]\n\n"):
            raise SystemExit(f"{model} did not stream: {answer[-300:]!r}")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=int, metavar="PORT", help="be the upstream")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.events)
        return
    port = free_port()
    command = [sys.executable, "-m", "bench.translation", "--serve", str(port), "--events", str(options.events)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "upstream.log"
        with (
            running(command, port, core=LOAD_CORE, ready="/", log=log),
            gateway(f"http://127.0.0.1:{port}", folder) as program,
        ):
            show(measure(program, options.requests, options.rounds), options.events)


def measure(program: Program, requests: int, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds per stream of each model, by round; the first round is not counted."""
    found: dict[str, list[float]] = {model: [] for model in MODELS}
    for number in range(rounds + 1):
        for model in MODELS:
            before = program.cpu_seconds()
            ask(program.port, model, requests)
            if number:
                found[model].append((program.cpu_seconds() - before) / requests * 1000)
    return found


def show(found: dict[str, list[float]], events: int) -> None:
    relayed = statistics.median(found["openai"])
    for model, figures in found.items():
        median = statistics.median(figures)
        spread = f"{min(figures):.2f} to {max(figures):.2f}"
        print(f"{model:10} {median:6.2f} ms a stream of {events} ({spread}), {median / relayed:.2f} times OpenAI's")


if __name__ == "__main__":
    main()
