"""A provider that sends whatever bytes it is told to, at HTTP's level and below."""

import socketserver
import threading
from collections.abc import Iterable
from typing import NamedTuple


class Reply(NamedTuple):
    """A head and a body. Without a length the body lasts until the connection closes."""

    blocks: Iterable[bytes]
    content_type: str = "application/json"
    status: str = "200 OK"
    headers: tuple[str, ...] = ()


class RawUpstream(socketserver.ThreadingTCPServer):
    """Answers with `reply`, or with the page of that path, and keeps what was asked. `url` has no trailing slash."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = Reply([])
        self.pages: dict[str, Reply] = {}
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        super().__exit__(*error)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    server: RawUpstream

    def handle(self) -> None:
        path = self.rfile.readline().split(b" ")[1].decode()
        length = 0
        while (line := self.rfile.readline().strip().lower()) != b"":
            length = int(line.split(b":")[1]) if line.startswith(b"content-length:") else length
        self.server.bodies.append(self.rfile.read(length))
        self.server.paths.append(path)
        reply = self.server.pages.get(path, self.server.reply)
        head = [f"HTTP/1.1 {reply.status}", f"content-type: {reply.content_type}", "connection: close", *reply.headers]
        try:
            self.wfile.write("\r\n".join([*head, "", ""]).encode())
            for block in reply.blocks:
                self.wfile.write(block)
        except OSError:
            # The gateway has had enough, which is what some of the tests want.
            return
