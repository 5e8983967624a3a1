"""GET /model/info and /model_group/info."""

from typing import Any

import pytest

from tests.security.wire import Wire, application, entry

FACTS = {"max_tokens": 8192, "supports_vision": True, "id": "first", "note": "key is sk-operator-key"}


def get(path: str) -> list[dict[str, Any]]:
    first = {**entry("m", "openai/gpt-4o", rpm=5, api_base="https://user:pass@example.com/v1"), "model_info": FACTS}
    answer = application(Wire(), first, entry("m", "groq/llama-x"), entry("e", "openai/text-embedding-3-small")).get(
        path
    )
    assert answer.status_code == 200 and "operator-key" not in answer.text and "pass@" not in answer.text
    data: list[dict[str, Any]] = answer.get_json()["data"]
    return data


@pytest.mark.parametrize("path", ["/model/info", "/v1/model/info"])
def test_each_deployment_is_shown_without_its_credentials(path: str) -> None:
    first, second, third = get(path)
    assert first["model_name"] == "m" and first["litellm_params"]["model"] == "openai/gpt-4o"
    assert first["litellm_params"]["rpm"] == 5 and "api_key" not in first["litellm_params"]
    info = first["model_info"]
    assert (info["id"], info["max_tokens"], info["supports_vision"]) == ("first", 8192, True)
    assert info["max_input_tokens"] > 8192 and info["input_cost_per_token"] > 0 and info["mode"] == "chat"
    assert second["litellm_params"]["model"] == "groq/llama-x"
    assert third["model_info"]["mode"] == "embedding"


def test_one_deployment_is_shown_when_its_id_is_asked_for() -> None:
    assert [one["model_info"]["id"] for one in get("/model/info?litellm_model_id=first")] == ["first"]


def test_groups_are_shown_with_what_their_deployments_have_together() -> None:
    (group,) = get("/model_group/info?model_group=m")
    assert group["model_group"] == "m" and group["providers"] == ["openai", "groq"]
    assert group["supports_vision"] is True and group["max_tokens"] == 8192 and "id" not in group
    assert [one["model_group"] for one in get("/model_group/info")] == ["m", "e"]
