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
