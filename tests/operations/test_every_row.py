"""Every operation is whole: what its row promises is so, from its path to its record, whatever the operation."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from proxy.domain.operations import BY_MODE, OPERATIONS, Operation, find_by_path, identify
from proxy.domain.record import MODEL_PARAMETERS
from proxy.settings import load
from tests.live.http import wait_until

every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
# Nobody charges for these, and their answers count nothing.
FREE = {"moderations"}
PRICES = {
    "input_cost_per_token": 0.001,
    "output_cost_per_token": 0.002,
    "input_cost_per_query": 0.5,
    "output_cost_per_image": 0.25,
    "input_cost_per_second": 0.125,
    "input_cost_per_character": 0.0625,
}


@pytest.fixture
def app(operation: Operation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """A gateway with one model of the fake provider's, for this operation."""
    monkeypatch.chdir(tmp_path)
    config = {
        "model_list": [
            {
                "model_name": "model",
                "litellm_params": {"model": "mock/some-model"},
                "model_info": {"mode": operation.mode, **PRICES},
            },
            {
                "model_name": "other",
                "litellm_params": {"model": "watsonx/m", "api_key": "k", "api_base": "http://127.0.0.1:9"},
            },
        ],
        "litellm_settings": {
            "callbacks": ["json", "prometheus"],
            "turn_off_message_logging": False,
            "require_auth_for_metrics_endpoint": False,
        },
        "callback_settings": {"json": {"path": "records.jsonl"}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    app = create_app(load(tmp_path / "config.json", {}))
    yield app
    app.extensions["patchbay"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, operation: Operation, path: str, model: str = "model") -> Any:
    assert operation.probe is not None
    body = {"model": model, **operation.probe}
    if operation.body == "json":
        answer = client.post(path, json=body)
        answer.get_data()
        return answer
    files = {field: (BytesIO(file.data), file.name, file.content_type) for field, file in operation.probe_files.items()}
    return client.post(path, data={**body, **files})


def records(app: Flask) -> list[dict[str, Any]]:
    app.extensions["patchbay"].close()
    assert wait_until(Path("records.jsonl").exists, seconds=20)
    return [json.loads(line) for line in Path("records.jsonl").read_text().splitlines()]


@every_operation
def test_operation_answers_at_all_of_its_paths(client: FlaskClient, operation: Operation) -> None:
    for path in operation.paths:
        for prefix in ("/", "/v1/", "/openai/v1/", "/openai/deployments/model/"):
            answer = ask(client, operation, prefix + path)
            assert answer.status_code == 200, (prefix + path, answer.get_data(as_text=True))
            assert answer.get_data()
        assert find_by_path(f"/v1/{path}") is operation


@every_operation
def test_call_has_a_record_and_a_cost(app: Flask, client: FlaskClient, operation: Operation) -> None:
    answer = ask(client, operation, f"/v1/{operation.path}")
    (record,) = records(app)
    assert (record["call_type"], record["status"], record["model_group"]) == (operation.call_type, "success", "model")
    assert operation.probe is not None
    kept = {name: operation.probe[name] for name in operation.content if name in operation.probe}
    assert record["messages"] == (kept if len(operation.content) > 1 else next(iter(kept.values()), None))
    if operation.name not in FREE:
        assert record["response_cost"] > 0
    if operation.name not in FREE and "json" in operation.answers:
        assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(record["response_cost"])


@every_operation
def test_call_is_counted(client: FlaskClient, operation: Operation) -> None:
    ask(client, operation, f"/v1/{operation.path}")

    def counts() -> list[str]:
        lines = client.get("/metrics").get_data(as_text=True).splitlines()
        counted = [line for line in lines if line.startswith("litellm_proxy_total_requests_metric_total{")]
        return [line.rsplit(" ", 1)[1] for line in counted if 'requested_model="model"' in line]

    assert wait_until(lambda: bool(counts()), seconds=20)
    assert counts() == ["1.0"]


@every_operation
def test_health_check_asks_for_the_operation(client: FlaskClient, operation: Operation) -> None:
    healthy = client.get("/health").get_json()["healthy_endpoints"]
    assert [entry["model_name"] for entry in healthy] == ["model"]
    assert BY_MODE[operation.mode].probe is not None


@every_operation
def test_capabilities_and_model_information_name_the_operation(client: FlaskClient, operation: Operation) -> None:
    known = client.get("/v1/capabilities").get_json()["mock"]["operations"][operation.name]
    assert set(known["supported"]) == operation.parameters
    assert client.get("/v1/model/info").get_json()["data"][0]["model_info"]["mode"] == operation.mode


@every_operation
def test_explain_recognises_the_body(client: FlaskClient, operation: Operation) -> None:
    assert operation.probe is not None
    if not operation.identified_by:
        assert identify(operation.probe) is not operation
        return
    answer = client.post("/router/explain", json={"model": "model", **operation.probe}).get_json()
    assert answer["request"]["url"] == f"mock://local/v1/{operation.path}"


@every_operation
def test_refusal_names_the_model_and_is_recorded(app: Flask, client: FlaskClient, operation: Operation) -> None:
    answer = ask(client, operation, f"/v1/{operation.path}", model="missing")
    assert answer.status_code in (400, 404)
    assert answer.get_json()["error"]["param"] == "model"
    (record,) = records(app)
    assert (record["call_type"], record["status"]) == (operation.call_type, "failure")


def test_parameters_that_records_show_are_no_prompts() -> None:
    content = {name for row in OPERATIONS.values() for name in row.content}
    assert content.isdisjoint(MODEL_PARAMETERS)
