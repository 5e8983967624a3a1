"""POST /router/explain with bodies that are wrong."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    path: Path = tmp_path_factory.mktemp("explain") / "config.yaml"
    path.write_text("model_list: [{model_name: m, litellm_params: {model: mock/demo}}]")
    return create_app(environ={"CONFIG_FILE_PATH": str(path)}).test_client()


@pytest.mark.parametrize("value", [[1], "x", 5, True])
def test_stream_options_are_refused_by_name_when_they_are_no_object(client: FlaskClient, value: Any) -> None:
    for path in ("/router/explain", "/v1/chat/completions"):
        answer = client.post(path, json={**BODY, "stream_options": value})
        assert (answer.status_code, answer.json["error"]["param"]) == (400, "stream_options")


@pytest.mark.parametrize("fallback", [{"headers": 5}, {"extra_body": 1}, {"api_base": 7}])
def test_member_of_a_fallback_is_refused_by_name_when_it_is_wrong(
    client: FlaskClient, fallback: dict[str, Any]
) -> None:
    for path in ("/router/explain", "/v1/chat/completions"):
        answer = client.post(path, json={**BODY, "fallbacks": [{"model": "m", **fallback}]})
        assert (answer.status_code, answer.json["error"]["param"]) == (400, f"fallbacks[0].{next(iter(fallback))}")
