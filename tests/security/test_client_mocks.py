"""A mock in a client's own configuration needs the operator's leave, as one in its request does."""

from typing import Any

import pytest

from tests.security.wire import MESSAGES, Wire, application, entry


def ask(params: dict[str, Any], **general: Any) -> Any:
    own = {"model": "openai/gpt", "api_key": "sk-client-key-1", **params}
    user_config = {"model_list": [{"model_name": "mine", "litellm_params": own}]}
    client = application(Wire(), entry("m"), general_settings=general)
    return client.post("/chat/completions", json={"model": "mine", "messages": MESSAGES, "user_config": user_config})


@pytest.mark.parametrize("params", [{"mock_response": "free"}, {"mock_timeout": True}, {"mock_delay": 50}])
def test_mock_in_a_user_config_is_refused_when_the_operator_has_not_opened_it(params: dict[str, Any]) -> None:
    answer = ask(params)
    assert answer.status_code == 400 and answer.get_json()["error"]["param"] == next(iter(params))


def test_mock_in_a_user_config_is_answered_when_the_operator_has_opened_it() -> None:
    answer = ask({"mock_response": "free"}, allow_client_mock_response=True)
    assert answer.status_code == 200


def test_user_config_without_a_mock_is_served() -> None:
    assert ask({}).status_code == 200
