"""The provider that all gateways call: nginx with fixed answers, or, for paced streams, one chunk at a time."""

import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.process import LOAD_CORE, free_port, require, running

CHUNKS = 100
_HEAD = {"id": "chatcmpl-1", "created": 1700000000, "model": "gpt-4o-mini-2024-07-18", "system_fingerprint": "fp_1"}
_ANSWER = {
    **_HEAD,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there! How can I help you today?", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 10, "total_tokens": 19},
}  # fmt: skip
SMALL_ANSWER = json.dumps(_ANSWER)
_NGINX = """
worker_processes 1; daemon off; error_log stderr error; pid {folder}/upstream.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 4m;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{small} backlog=2048; root {folder}; default_type application/json;
    location / {{ error_page 405 =200 /answer.json; rewrite ^ /answer.json break; }} }}
  server {{ listen 127.0.0.1:{stream} backlog=2048; root {folder}; default_type text/event-stream;
    types {{ }} location / {{ error_page 405 =200 /answer.sse; rewrite ^ /answer.sse break; }} }}
  server {{ listen 127.0.0.1:{broken} backlog=2048; default_type application/json;
    location / {{ return 500 '{{"error":{{"message":"broken","type":"server_error"}}}}'; }} location /cut {{ return 444; }} }}
}}
"""


@dataclass(frozen=True)
class Upstream:
    """Ports: a small answer, a stream as fast as it can, a paced stream (cut after five chunks if its request says
    "break"), and one that answers nothing but 500, or under /cut nothing at all.
    """

    small: int
    stream: int
    paced: int
    broken: int


def chunk(text: str | None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return b"data: " + json.dumps({**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"


def whole_stream() -> bytes:
    return b"".join(
        [*(chunk(f"word {number} ") for number in range(CHUNKS - 1)), chunk(None, "stop"), b"data: [DONE]\n\n"]
    )


@contextlib.contextmanager
def upstreams(folder: Path, core: str = LOAD_CORE) -> Iterator[Upstream]:
    """`folder` is theirs alone."""
    folder.mkdir(exist_ok=True)
    nginx = require("nginx", "apt-get install nginx-light")
    (folder / "answer.json").write_text(json.dumps(_ANSWER))
    (folder / "answer.sse").write_bytes(whole_stream())
    ports = Upstream(free_port(), free_port(), free_port(), free_port())
    config = folder / "upstream.conf"
    config.write_text(_NGINX.format(folder=folder, small=ports.small, stream=ports.stream, broken=ports.broken))
    paced = [sys.executable, "-m", "bench.upstream", str(ports.paced)]
    with (
        running([nginx, "-c", str(config)], ports.small, core=core, ready="/", log=folder / "upstream.log"),
        running(paced, ports.paced, core=core, ready="/", log=folder / "paced.log"),
    ):
        yield ports


async def _pace(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """20 chunks, one each 100 ms; the content of each is the moment at which it left. Five for who asks for a break."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            broken = b'"break"' in await reader.readexactly(int(length[1]) if length else 0)
            for _ in range(5 if broken else 20):
                writer.write(chunk(f"{time.monotonic():.6f}"))
                await writer.drain()
                await asyncio.sleep(0.1)
            writer.write(b"" if broken else chunk(None, "stop") + b"data: [DONE]\n\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_pace, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
