"""A Vault on loopback: KV v2 secrets, tokens and an AppRole; and how it goes wrong."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hvs.a-token-of-vault"


@dataclass
class Vault:
    """`secrets` by mount and path. `raw` are answers by path, whatever they are."""

    secrets: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def environ(self, **more: str) -> dict[str, str]:
        return {"HCP_VAULT_ADDR": self.url, "HCP_VAULT_TOKEN": TOKEN, **more}

    def answer(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, bytes]:
        self.requests.append(f"{method} {path}")
        if path in self.raw:
            return self.raw[path]
        if method == "POST" and path == "/v1/auth/approle/login":
            good = json.loads(body) == {"role_id": "role", "secret_id": "secret"}
            return (200, json.dumps({"auth": {"client_token": TOKEN}}).encode()) if good else (400, b"{}")
        if token != TOKEN:
            return 403, b'{"errors":["permission denied"]}'
        mount, _, name = path.removeprefix("/v1/").partition("/data/")
        found = self.secrets.get(f"{mount}/{name}")
        return (404, b'{"errors":[]}') if found is None else (200, json.dumps({"data": {"data": found}}).encode())


@contextlib.contextmanager
def running_vault(secrets: dict[str, Any] | None = None) -> Iterator[Vault]:
    vault = Vault(secrets or {})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, content = vault.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  the handler's own spelling

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    vault.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
