"""LiteLLM's own names in litellm_params stay here; a provider's own parameters go to it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.accounting.cost import find_prices
from proxy.accounting.prices import PriceTable
from proxy.domain.deployment import ROUTING_PARAMS, is_connection_param
from proxy.settings import load
from proxy.settings.deployments import build_deployments
from proxy.settings.report import check_file
from schemas.config import findings, load_config
from schemas.litellm_params import FACTS, INTERNAL, OWN_NAMES, PRICES
from schemas.settings_table import settings_of
from tests.security.wire import MESSAGES, Wire, application, entry
from tests.settings.fakes import PROVIDERS, write

# Names whose value must have a certain form; the others are tried with a text.
VALUES: dict[str, Any] = {
    "tags": ["a"], "mock_response": None, "mock_timeout": None, "fallbacks": [], "model_info": {}, "tiered_pricing": [],
    "off_peak_pricing": {}, "tag_regex": [".*"], "allowed_openai_params": ["x"], "litellm_credential_name": None,
    "configurable_clientside_auth_params": ["api_key"], "drop_params": True, "additional_drop_params": ["x"],
}  # fmt: skip


def sent_with(**params: Any) -> dict[str, Any]:
    wire = Wire()
    client = application(wire, entry("m", **params), general_settings={"accept_unenforced": ["max_budget"]})
    assert client.post("/chat/completions", json={"model": "m", "messages": MESSAGES}).status_code == 200
    return dict(orjson.loads(bytes(wire.sent[0].body)))


def test_nothing_of_litellms_own_is_sent_when_a_deployment_has_every_name() -> None:
    kinds = settings_of("params")
    params: dict[str, Any] = {}
    for name in OWN_NAMES:
        numeric = name in PRICES or (name in kinds and kinds[name].kind != "any")
        params[name] = VALUES.get(name, 1 if numeric else "x")
    assert len(params) > 500
    assert sorted(sent_with(**params)) == ["messages", "model"]


@pytest.mark.parametrize("name", ["temperature", "top_k", "reasoning_effort", "thinking", "some_vendors_own"])
def test_default_is_sent_when_a_name_is_not_litellms_own(name: str) -> None:
    assert sent_with(**{name: 1})[name] == 1


def test_clients_field_is_dropped_and_named_when_it_is_litellms_own() -> None:
    wire = Wire()
    body = {"model": "m", "messages": MESSAGES, "input_cost_per_token": 0, "litellm_call_id": "x", "vendor_field": 1}
    response = application(wire, entry("m")).post("/chat/completions", json=body)
    assert response.headers["x-litellm-dropped-params"] == "input_cost_per_token,litellm_call_id"
    assert sorted(orjson.loads(bytes(wire.sent[0].body))) == ["messages", "model", "vendor_field"]


def test_no_name_has_two_owners_when_the_tables_are_compared() -> None:
    assert not PRICES & FACTS and not INTERNAL & (PRICES | FACTS)
    assert not [name for name in OWN_NAMES if is_connection_param(name)]
    assert set() == ROUTING_PARAMS & FACTS


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("cache_read_input_token_cost", "supported"),
        ("output_cost_per_token_above_200k_tokens_priority", "supported"),
        ("input_cost_per_pixel", "supported"),
        ("MAX_PTU_COUNT", "ignored"),
        ("supports_vision", "supported"),
        ("base_model", "supported"),
        ("guardrails", "ignored"),
        ("cache", "ignored"),
        ("tpd", "ignored"),
        ("temperature", "supported"),
        ("aws_session_name", "supported"),
        ("no_such_thing", "unknown"),
    ],
)
def test_check_names_what_becomes_of_a_parameter(name: str, status: str) -> None:
    (found,) = [item for item in findings({"model_list": [entry("m", **{name: 1})]}) if item.path.endswith(f".{name}")]
    assert found.status == status
    assert status != "ignored" or "sent to the provider with" not in found.reason


def test_prices_and_facts_count_when_they_are_in_litellm_params(tmp_path: Path) -> None:
    params = {"base_model": "azure/gpt-4o", "supports_vision": True, "cache_read_input_token_cost": 1e-7}
    document = {"model_list": [{**entry("m", **params), "model_info": {"cache_read_input_token_cost": 5}}]}
    (deployment,) = load(write(tmp_path, "c.yaml", document), {}).deployments
    assert deployment.info == {
        "base_model": "azure/gpt-4o",
        "supports_vision": True,
        "cache_read_input_token_cost": 1e-7,
    }
    assert deployment.defaults == {}


@pytest.mark.parametrize("value", [False, True])
def test_requests_are_verified_as_the_deployment_says_when_it_has_ssl_verify(value: bool) -> None:
    wire = Wire()
    client = application(wire, entry("own", ssl_verify=value), entry("plain"))
    for model in ("own", "plain"):
        client.post("/chat/completions", json={"model": model, "messages": MESSAGES})
    assert [request.verify for request in wire.sent] == [value, None]


def test_report_shows_own_names_when_a_file_is_checked(tmp_path: Path) -> None:
    lines = check_file(write(tmp_path, "c.yaml", {"model_list": [entry("m", guardrails=["pii"])]}), {}).lines
    (line,) = [line for line in lines if "litellm_params.guardrails" in line]
    assert line.startswith("ignored") and "no provider gets it" in line


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("input_cost_per_second", "second"),
        ("output_cost_per_second", "output_second"),
        ("input_cost_per_character", "character"),
        ("input_cost_per_query", "query"),
        ("output_cost_per_image", "image"),
        ("ocr_cost_per_page", "page"),
    ],
)
def test_call_is_priced_by_a_deployments_unit_when_its_params_name_a_price(name: str, unit: str) -> None:
    document = load_config({"model_list": [entry("m", **{name: 0.25})]})
    assert [found.status for found in findings(document) if found.path.endswith(name)] == ["supported"]
    (deployment,) = build_deployments(document["model_list"], {}, PROVIDERS)
    priced = find_prices(deployment, PriceTable())
    assert priced is not None and priced.row.units == {unit: 0.25}
