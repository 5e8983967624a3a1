"""A secret is rotated without a restart: a file by the watch, a manager by its time; the old value stays masked."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.live.http import chat, request, wait_until
from tests.live.servers import Server, gateway
from tests.settings.vault import running_vault

OLD, NEW = "sk-the-old-key-of-the-provider", "sk-the-new-key-of-the-provider"
ANSWER = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
}


class Provider(ThreadingHTTPServer):
    """Keeps the key of each call, and refuses with the key in its words where it is none of the accepted."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.accepted = {OLD, NEW}
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["authorization"].removeprefix("Bearer ")
        self.server.keys.append(key)
        good = key in self.server.accepted
        content = json.dumps(ANSWER if good else {"error": {"message": f"Incorrect API key provided: {key}"}}).encode()
        self.send_response(200 if good else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def config(provider: Provider, reference: str, **general: object) -> dict[str, object]:
    base = f"http://127.0.0.1:{provider.server_address[1]}/v1"
    params = {"model": "openai/gpt-4o", "api_base": base, "api_key": reference}
    return {"model_list": [{"model_name": "m", "litellm_params": params}], "general_settings": general}


def ask(server: Server) -> int:
    return chat(server, {"model": "m", "messages": [{"role": "user", "content": "hi"}]}).status


def test_a_file_is_rotated_by_the_watch_and_no_call_fails(tmp_path: Path, provider: Provider) -> None:
    secret = tmp_path / "key"
    secret.write_text(OLD)
    with gateway(config(provider, f"file/{secret}", config_watch_seconds=0.3), tmp_path, workers=2) as server:
        assert ask(server) == 200 and provider.keys == [OLD]
        draft = tmp_path / "draft"
        draft.write_text(NEW)
        draft.replace(secret)
        statuses = set()

        def is_new() -> bool:
            statuses.add(ask(server))
            return provider.keys[-1] == NEW

        assert wait_until(is_new, 30) and statuses == {200}
        provider.accepted = set()
        # What the provider says of either key is masked.
        for _ in range(4):
            answer = chat(server, {"model": "m", "messages": [{"role": "user", "content": "hi"}]})
            assert answer.status == 401 and OLD.encode() not in answer.body and NEW.encode() not in answer.body
        assert OLD not in server.output() and NEW not in server.output()
        assert server.output().count("Booting worker") == 2


def test_a_manager_is_read_again_in_time(tmp_path: Path, provider: Provider) -> None:
    with running_vault({"secret/openai": {"key": OLD}}) as vault:
        given = config(provider, "vault/secret/openai", secret_refresh_seconds=1, config_watch_seconds=0)
        with gateway(given, tmp_path, environment=vault.environ()) as server:
            assert ask(server) == 200 and provider.keys == [OLD]
            vault.secrets["secret/openai"] = {"key": NEW}

            def is_new() -> bool:
                return ask(server) == 200 and provider.keys[-1] == NEW

            assert wait_until(is_new, 30)
            assert wait_until(lambda: request(server, "GET", "/config/version").json()["version"] >= 2)
            assert request(server, "GET", "/config/version").json()["last_reload"]["result"] == "success"
            assert server.output().count("Booting worker") == 1
