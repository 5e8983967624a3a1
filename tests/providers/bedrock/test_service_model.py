"""Our requests, held against the description of the API that AWS ships with botocore."""

from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from tests.providers.bedrock.asking import (
    CLAUDE,
    FORMAT,
    HELLO,
    NOVA,
    OLD_CLAUDE,
    PNG,
    THOUGHTS,
    WEATHER,
    build,
    calling,
)

RESULT = {"role": "tool", "tool_call_id": "a|b", "content": "rain", "is_error": True}
MEDIA = [
    {"type": "text", "text": "look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.b.pdf"}},
    {"type": "file", "file": {"file_data": f"data:text/plain;base64,{PNG}"}, "citations": {"enabled": True}},
    {"type": "file", "file": {"file_id": "s3://bucket-name/film.mp4"}},
    {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
    {"type": "guarded_text", "text": "hm"},
]
HISTORY = [
    {"role": "system", "content": "be brief", "cache_control": {"type": "ephemeral"}},
    {"role": "user", "content": MEDIA},
    {**calling("a|b"), "thinking_blocks": THOUGHTS},
    RESULT,
]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"messages": HISTORY}),
        (
            CLAUDE,
            {
                "messages": HISTORY,
                "tools": [{**WEATHER, "cache_control": {"type": "ephemeral"}}],
                "tool_choice": "required",
            },
        ),
        (
            CLAUDE,
            {
                "tools": [WEATHER],
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
                "parallel_tool_calls": False,
            },
        ),
        (CLAUDE, {"response_format": FORMAT, "max_tokens": 3, "temperature": 0.5, "top_p": 1.0, "stop": ["a"]}),
        (OLD_CLAUDE, {"response_format": FORMAT, "tools": [WEATHER]}),
        (OLD_CLAUDE, {"response_format": {"type": "json_object"}, "service_tier": "priority", "user": "ann|1"}),
        (
            NOVA,
            {
                "web_search_options": {},
                "reasoning_effort": "low",
                "top_k": 3,
                "performanceConfig": {"latency": "optimized"},
            },
        ),
        (
            CLAUDE,
            {
                "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
                "promptVariables": {},
            },
        ),
        (CLAUDE, {"requestMetadata": {"a": "b"}, "additionalModelResponseFieldPaths": ["/stop_sequence"]}),
    ],
)
@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_body_fits_the_service_model_when_it_is_built(operation: str, model: str, fields: dict[str, Any]) -> None:
    shape = Session().get_service_model("bedrock-runtime").operation_model(operation).input_shape
    body = build(model, **{"messages": HELLO, **fields})
    report = ParamValidator().validate({"modelId": model, **body}, shape)
    assert report.generate_report() == ""
