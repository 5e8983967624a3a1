"""Who a call is made for."""

import json

import pytest

from proxy.web.end_user import EndUserReader, session_of

SESSION = "0f2b0c7e-1111-4222-8333-444455556666"
JSON_SESSION = json.dumps({"device_id": "d", "account_uuid": "", "session_id": SESSION})
OLD_SESSION = f"user_{'a' * 64}_account_{SESSION}_session_{SESSION}"


@pytest.mark.parametrize(
    ("environ", "fields", "metadata", "expected"),
    [
        ({}, {}, {}, None),
        ({}, {"user": "u"}, {}, "u"),
        ({}, {"user": 7}, {}, "7"),
        ({}, {"user": ""}, {"user_id": "m"}, None),
        ({}, {"user": ["x"]}, {}, None),
        ({}, {"safety_identifier": "s"}, {}, "s"),
        ({}, {"safety_identifier": "s"}, {"user_id": "m"}, "m"),
        ({}, {"user": "u", "safety_identifier": "s"}, {"user_id": "m"}, "u"),
        ({"HTTP_X_LITELLM_END_USER_ID": "h"}, {"user": "u"}, {}, "h"),
        ({"HTTP_X_LITELLM_CUSTOMER_ID": "c", "HTTP_X_LITELLM_END_USER_ID": "h"}, {}, {}, "c"),
        ({"HTTP_X_OPENWEBUI_USER_ID": "w", "HTTP_X_LITELLM_CUSTOMER_ID": "c"}, {}, {}, "w"),
    ],
)
def test_headers_win_over_user_then_metadata_then_safety_identifier(
    environ: dict[str, str], fields: dict[str, object], metadata: dict[str, object], expected: str | None
) -> None:
    body = {**fields, "metadata": metadata} if metadata else fields
    assert EndUserReader(["X-OpenWebUI-User-Id"]).find(environ, body) == expected


@pytest.mark.parametrize("described", [JSON_SESSION, OLD_SESSION])
def test_a_session_of_claude_code_is_no_end_user_and_its_id_is_read(described: str) -> None:
    assert EndUserReader().find({}, {"metadata": {"user_id": described}}) is None
    assert session_of(described) == SESSION


@pytest.mark.parametrize("user", ["user_1", "customer_session_1", None, 7])
def test_ordinary_ids_have_no_session(user: object) -> None:
    assert session_of(user) is None
