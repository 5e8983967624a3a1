"""The lag that a gateway adds to paced streams: straight from the provider, through Patchbay, through nginx, in one run.

    python -m bench.streams [--streams 200 1000] [--interval 0.02] [--events 150]

The provider is another process on loopback; each of its events carries the time at which it was sent, on the clock that all
processes of a machine share. Patchbay runs one gevent worker, nginx one worker with its buffering off; each has the machine
to itself while it is measured. Printed are the percentiles of the lag over all events, and how many streams were complete.
"""

import argparse
import heapq
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ASKED = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"go"}]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":['
EVENT += b'{"index":0,"delta":%b,"finish_reason":%b}]}\n\n'
STAMP = re.compile(rb'"content":"(\d+)"')
NGINX = """
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  upstream provider {{ server 127.0.0.1:{provider}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""
CONFIG = """
model_list: [{{model_name: m, litellm_params: {{model: openai/m, api_base: "http://127.0.0.1:{provider}", api_key: x}}}}]
"""


class Lags(NamedTuple):
    """Sorted milliseconds, how many streams were complete, and the seconds that the whole took."""

    milliseconds: list[float]
    complete: int
    seconds: float

    def at(self, share: float) -> float:
        return self.milliseconds[min(len(self.milliseconds) - 1, int(share * len(self.milliseconds)))]


def chunk(delta: bytes, finish: bytes = b"null") -> bytes:
    event = EVENT % (delta, finish)
    return b"%x\r\n%b\r\n" % (len(event), event)


OPENING_SECONDS = 0.5
END = chunk(b"{}", b'"stop"') + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


def serve(interval: float, events: int) -> None:
    """The provider: an event every `interval` seconds on each of its connections, each with its own phase."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    asked: dict[int, bytes] = {}
    due: list[tuple[float, int, int]] = []
    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else 1.0
        for number, _ in poll.poll(wait):
            if number == listener.fileno():
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
                continue
            data = clients[number].recv(65536)
            if not data:
                poll.unregister(number)
                clients.pop(number).close()
                continue
            asked[number] = asked.get(number, b"") + data
            if b'"go"' in asked[number]:
                asked.pop(number)
                clients[number].send(HEAD + chunk(b'{"role":"assistant","content":""}'))
                heapq.heappush(due, (time.monotonic() + interval, number, events))
        while due and due[0][0] <= time.monotonic():
            at, number, left = heapq.heappop(due)
            if number not in clients:
                continue
            try:
                clients[number].send(chunk(b'{"content":"%d"}' % time.monotonic_ns()) if left else END)
            except OSError:
                continue
            if left:
                heapq.heappush(due, (at + interval, number, left - 1))


def measure(port: int, streams: int, interval: float) -> Lags:
    """Open `streams` streams, spread over half a second, and read them to their ends."""
    poll = select.epoll()
    open_streams: dict[int, socket.socket] = {}
    rests: dict[int, bytes] = {}
    lags: list[float] = []
    complete = opened = 0
    started = time.monotonic()
    while open_streams or opened < streams:
        # What has come is read before the next one is opened: what is late by our own doing is nobody's lag.
        due = time.monotonic() - started >= opened * OPENING_SECONDS / streams
        if opened < streams and due:
            client = ask(port)
            open_streams[client.fileno()], rests[client.fileno()] = client, b""
            poll.register(client, select.EPOLLIN)
            opened += 1
        ready = poll.poll(30 if opened == streams else 0.0005)
        if not ready and opened == streams:
            break
        for number, _ in ready:
            data = open_streams[number].recv(262144)
            now = time.monotonic_ns()
            *lines, rests[number] = (rests[number] + data).split(b"\n")
            text = b"\n".join(lines)
            lags.extend((now - int(stamp)) / 1e6 for stamp in STAMP.findall(text))
            done = b"data: [DONE]" in text
            complete += done
            if done or not data:
                poll.unregister(number)
                open_streams.pop(number).close()
    return Lags(sorted(lags) or [0.0], complete, time.monotonic() - started)


def ask(port: int) -> socket.socket:
    """A connection on which a stream was asked for."""
    head = f"POST /chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(ASKED)}\r\n\r\n"
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(head.encode() + ASKED)
    client.setblocking(False)
    return client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """Run a server until the block ends; gives its port when it answers."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def peers(directory: Path, provider: int) -> Iterator[tuple[str, list[str], int]]:
    """(name, command, port) of what is measured beside the provider itself."""
    port = free_port()
    config = directory / "config.yaml"
    config.write_text(CONFIG.format(provider=provider))
    yield "patchbay", [sys.executable, "-m", "proxy", "serve", "--port", str(port), "--config", str(config)], port
    nginx = shutil.which("nginx")
    if nginx is not None:
        port = free_port()
        (directory / "nginx.conf").write_text(NGINX.format(directory=directory, provider=provider, port=port))
        yield "nginx", [nginx, "-c", str(directory / "nginx.conf"), "-p", str(directory)], port


def show(name: str, streams: int, lags: Lags) -> None:
    told = " ".join(f"{lags.at(share):9.1f}" for share in (0.5, 0.9, 0.99, 1.0))
    print(f"{name:10} {streams:7} {lags.complete:9} {told} {lags.seconds:8.1f}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--streams", type=int, nargs="+", default=[200, 1000])
    arguments.add_argument("--interval", type=float, default=0.02)
    arguments.add_argument("--events", type=int, default=150)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        return serve(given.interval, given.events)
    command = [sys.executable, "-m", "bench.streams", "--serve"]
    command += ["--interval", str(given.interval), "--events", str(given.events)]
    provider = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert provider.stdout is not None
    try:
        port = int(provider.stdout.readline())
        print(f"an event every {given.interval * 1000:g} ms, {given.events} events a stream; lag in milliseconds")
        print("through     streams  complete       p50       p90       p99       max  seconds")
        with tempfile.TemporaryDirectory() as directory:
            for streams in given.streams:
                show("nothing", streams, measure(port, streams, given.interval))
                for name, peer, peer_port in peers(Path(directory), port):
                    with running(peer, peer_port):
                        show(name, streams, measure(peer_port, streams, given.interval))
    finally:
        provider.kill()
        provider.wait()


if __name__ == "__main__":
    main()
