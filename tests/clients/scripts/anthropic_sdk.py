"""Anthropic's SDK pointed at the gateway. Arguments: URL, key, model. Prints one JSON object."""

import json
import sys

import anthropic

url, key, model = sys.argv[1:]
client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=30)
HELLO = [{"role": "user", "content": "hello"}]
TOOLTEST = [{"role": "user", "content": "TOOLTEST"}]
WEATHER = {
    "name": "get_weather",
    "description": "w",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@anthropic.beta_tool
def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: the city
    """
    return f"sunny in {city}"


def error_of(**members: object) -> dict[str, object]:
    try:
        client.messages.create(**{"max_tokens": 9, "messages": HELLO, "model": model, **members})
    except anthropic.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "id": error.request_id,
            "type": error.body["error"]["type"],
        }
    return {}


found: dict[str, object] = {}
whole = client.messages.create(model=model, max_tokens=99, messages=HELLO, system="be brief")
found["whole"] = whole.model_dump()
with client.messages.stream(model=model, max_tokens=99, messages=HELLO) as stream:
    found["events"] = [event.type for event in stream]
    found["streamed"] = stream.get_final_message().model_dump()
with client.messages.stream(model=model, max_tokens=99, messages=TOOLTEST, tools=[WEATHER]) as stream:
    found["called"] = stream.get_final_message().model_dump()
runner = client.beta.messages.tool_runner(model=model, max_tokens=99, messages=TOOLTEST, tools=[get_weather])
found["runner"] = runner.until_done().model_dump()
found["thought"] = client.messages.create(
    model=model, max_tokens=3000, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1024}
).model_dump()
found["counted"] = client.messages.count_tokens(model=model, messages=HELLO).input_tokens
found["unknown_model"] = error_of(model="nope")
found["bad_value"] = error_of(max_tokens="x")
found["limited"] = error_of(model=f"{model}-limited")
try:
    anthropic.Anthropic(base_url=url, api_key="sk-wrong", max_retries=0).messages.create(
        model=model, max_tokens=9, messages=HELLO
    )
except anthropic.AuthenticationError as error:
    found["wrong_key"] = error.status_code
print(json.dumps(found, default=str))
