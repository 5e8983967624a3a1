"""OpenAI's SDK at /responses, live, in both worker classes, in front of a server that knows chats only."""

from typing import Any

import openai
import pytest
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


class City(BaseModel):
    name: str
    people: int


def test_a_response_is_created(client: openai.OpenAI) -> None:
    response = client.responses.create(model="gpt-4", input="hello", instructions="be brief")
    assert response.output_text.endswith("You said: hello")
    assert (response.status, response.usage is not None and response.usage.total_tokens > 0) == ("completed", True)


def test_a_stream_adds_up(client: openai.OpenAI) -> None:
    with client.responses.stream(model="gpt-4", input="hello there") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == text and text.endswith("You said: hello there")
    events = list(client.responses.create(model="gpt-4", input="hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")


def test_an_answer_is_parsed(client: openai.OpenAI) -> None:
    mock = {"mock": {"reply": '{"name": "Paris", "people": 2000000}'}}
    response = client.responses.parse(model="gpt-4", input="x", text_format=City, extra_body=mock)
    assert response.output_parsed == City(name="Paris", people=2_000_000)


def test_a_tool_is_called_and_its_output_sent_back(client: openai.OpenAI) -> None:
    mock: Any = {"mock": {"tool_calls": [CALL]}}
    tools: Any = [TOOL]
    response = client.responses.create(model="gpt-4", input="weather?", tools=tools, extra_body=mock)
    call = next(item for item in response.output if isinstance(item, ResponseFunctionToolCall))
    assert (call.name, call.call_id) == ("get_weather", "call_1")
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    after = client.responses.create(model="gpt-4", input=output, previous_response_id=response.id)
    assert after.output_text.endswith("You said: sunny")


def test_a_conversation_is_kept_listed_and_deleted(client: openai.OpenAI) -> None:
    first = client.responses.create(model="gpt-4", input="one")
    second = client.responses.create(model="gpt-4", input="two", previous_response_id=first.id)
    assert client.responses.retrieve(second.id).output_text == second.output_text
    items = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [getattr(item, "role", None) for item in items] == ["user", "assistant", "user"]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="gpt-4", input="three", previous_response_id=first.id)
    assert raised.value.code == "previous_response_not_found"


def test_errors_have_the_sdks_classes_and_codes(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as limited:
        client.responses.create(model="limited", input="a")
    assert limited.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model="broken", input="a")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-wrong").responses.create(model="gpt-4", input="a")
    wrong: Any = [{"type": "message", "role": "user", "content": 5}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="gpt-4", input=wrong)
    assert raised.value.param == "input[0].content"


def test_tokens_are_counted(client: openai.OpenAI) -> None:
    assert (
        client.responses.input_tokens.count(
            model="gpt-4", input="eight words that nobody has to count here"
        ).input_tokens
        > 5
    )
