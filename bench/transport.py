"""What one request costs on the wire: requests' own adapter against the lean one, as CPU time of this process.

    python -m bench.transport [--requests 3000] [--rounds 5]
    python -m gevent.monkey --module bench.transport

The upstream is another process on loopback that answers every request with the same bytes. The adapters take turns,
round by round; printed are the medians, and the range of the rounds.
"""

import argparse
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from requests.adapters import HTTPAdapter

from proxy.domain.wire import Clocks, WireRequest
from proxy.runtime import Runtime
from proxy.transport.http1.response import Reply
from proxy.transport.transport import Transport

CHUNK = b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
BODY = b'{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"}}]}'
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: 1\r\nserver: bench\r\ncontent-length: "
PLAIN += str(len(BODY)).encode() + b"\r\n\r\n" + BODY
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM += b"".join(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK) for _ in range(100)) + b"0\r\n\r\n"
ASKED = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'


def serve() -> None:
    """Answer every request that ends in ASKED: with the stream when its path says so, else with the plain answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    peers: dict[int, socket.socket] = {}
    heard: dict[int, bytes] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[peer.fileno()] = peer
                poll.register(peer, select.EPOLLIN)
                continue
            data = peers[number].recv(65536)
            heard[number] = heard.get(number, b"") + data
            if not data:
                peers.pop(number).close()
                del heard[number]
            elif heard[number].endswith(ASKED):
                peers[number].sendall(STREAM if heard.pop(number).startswith(b"POST /stream") else PLAIN)


def measure(run: Callable[[], object], requests: int) -> tuple[float, float]:
    """Microseconds of CPU and of the clock for each request."""
    cpu, clock = time.process_time(), time.perf_counter()
    for _ in range(requests):
        run()
    return (time.process_time() - cpu) / requests * 1e6, (time.perf_counter() - clock) / requests * 1e6


def compare(name: str, runs: Mapping[str, Callable[[], object]], options: argparse.Namespace) -> None:
    """Let the adapters take turns, and print a line for each."""
    found: dict[str, list[tuple[float, float]]] = {adapter: [] for adapter in runs}
    for _ in range(options.rounds):
        for adapter, run in runs.items():
            found[adapter].append(measure(run, options.requests))
    for adapter, rounds in found.items():
        cpu = [one for one, _ in rounds]
        clock = statistics.median(two for _, two in rounds)
        print(
            f"{name:14} {adapter:12} {statistics.median(cpu):7.1f} us CPU a request"
            f" ({min(cpu):.1f} to {max(cpu):.1f}), {clock:7.1f} us in all"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--upstream", action="store_true", help="be the upstream, and print its port")
    options = parser.parse_args()
    if options.upstream:
        serve()
    command = [sys.executable, "-m", "bench.transport", "--upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as upstream:
        try:
            compare_all(f"http://127.0.0.1:{int(upstream.stdout.readline())}", options)
        finally:
            upstream.terminate()


def compare_all(base: str, options: argparse.Namespace) -> None:
    headers = {"content-type": "application/json", "accept": "application/json", "authorization": "Bearer sk-bench"}
    clocks = Clocks(connect=10.0, total=600.0)
    transports = {"HTTPAdapter": Transport(Runtime(), adapter=HTTPAdapter()), "lean": Transport(Runtime())}

    def runs(read: Callable[[Reply], object], path: str) -> dict[str, Callable[[], object]]:
        request = WireRequest(base + path, ASKED, headers)
        return {
            name: lambda transport=transport: read(transport.send(request, clocks))
            for name, transport in transports.items()
        }

    compare("plain", runs(lambda reply: reply.read(), "/v1/chat/completions"), options)
    compare("stream of 100", runs(lambda reply: list(reply.blocks()), "/stream"), options)


if __name__ == "__main__":
    main()
