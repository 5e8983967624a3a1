"""Gateways with virtual keys, for tests: built-in mock models, a master key, and what a test declares."""

import json
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from proxy.runtime import Runtime
from proxy.settings import load

MASTER = "sk-master-of-accounts"
KEY = "sk-one-of-the-file-000"
MODELS = ("gpt-4o", "gpt-4o-mini", "claude", "openai/alpha", "grouped")


def config(**sections: Any) -> dict[str, Any]:
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_key": "sk-upstream-1", "mock_response": f"I am {name}"},
            "model_info": {"access_groups": ["beta"]} if name == "grouped" else {},
        }
        for name in MODELS
    ]
    return {"model_list": models, "general_settings": {"master_key": MASTER}, **sections}


def build(
    folder: Path, environ: dict[str, str] | None = None, runtime: Runtime | None = None, **sections: Any
) -> Flask:
    path = folder / "config.yaml"
    path.write_text(json.dumps(config(**sections)))
    return create_app(load(path, environ or {}), runtime=runtime)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def chat(client: FlaskClient, key: str = KEY, model: str = "gpt-4o", **more: Any) -> TestResponse:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    return client.post("/v1/chat/completions", json=body, headers=bearer(key))


class Admin:
    """Sends management requests with a key, by default the master key."""

    def __init__(self, client: FlaskClient, key: str = MASTER) -> None:
        self.client = client
        self.key = key

    def being(self, key: str) -> "Admin":
        return Admin(self.client, key)

    def send(self, method: str, path: str, body: Any = None) -> TestResponse:
        more = {} if body is None else {"json": body}
        return self.client.open(path, method=method, headers=bearer(self.key), **more)

    def post(self, path: str, **body: Any) -> Any:
        """The answer's JSON; it must be a 200."""
        response = self.send("POST", path, body)
        assert response.status_code == 200, response.text
        return response.json

    def get(self, path: str) -> Any:
        response = self.send("GET", path)
        assert response.status_code == 200, response.text
        return response.json

    def user_key(self, user_id: str, role: str = "internal_user", **key: Any) -> str:
        """A user with a key of its own making."""
        made: str = self.post("/user/new", user_id=user_id, user_role=role, **key)["key"]
        return made
