"""Google's SDK pointed at the gateway. Arguments: URL, key, model. Prints one JSON object."""

import asyncio
import json
import sys

from google import genai
from google.genai import errors, types

url, key, model = sys.argv[1:]
# The SDK's own default of the version, and the usual one.
default = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, api_version="v1beta"))


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


def error_of(asked: genai.Client, name: str, **config: object) -> dict[str, object]:
    try:
        asked.models.generate_content(model=name, contents="hello", config=config or None)
    except errors.APIError as error:
        return {"class": type(error).__name__, "code": error.code, "status": error.status}
    return {}


def chat_with_tools(asked: genai.Client, *, streamed: bool) -> dict[str, object]:
    """A round with the SDK calling the function, then a further turn over the history that the SDK kept."""
    config = types.GenerateContentConfig(tools=[get_weather], system_instruction="be brief")
    chat = asked.chats.create(model=model, config=config)
    if streamed:
        first = "".join(chunk.text or "" for chunk in chat.send_message_stream("TOOLTEST"))
        second = "".join(chunk.text or "" for chunk in chat.send_message_stream("again"))
    else:
        first, second = chat.send_message("TOOLTEST").text, chat.send_message("again").text
    roles = [content.role for content in chat.get_history(curated=True)]
    return {"first": first, "second": second, "roles": roles}


async def stream_async() -> str:
    stream = await client.aio.models.generate_content_stream(model=model, contents="hello")
    return "".join([chunk.text or "" async for chunk in stream])


found: dict[str, object] = {}
for name, asked in (("v1", default), ("v1beta", client)):
    whole = asked.models.generate_content(model=model, contents="hello")
    found[f"whole_{name}"] = {
        "text": whole.text,
        "finish": whole.candidates[0].finish_reason,
        "total": whole.usage_metadata.total_token_count,
        "id": whole.response_id,
    }
chunks = list(client.models.generate_content_stream(model=model, contents="hello"))
found["streamed"] = {
    "text": "".join(chunk.text or "" for chunk in chunks),
    "finishes": [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates[0].finish_reason],
    "total": chunks[-1].usage_metadata.total_token_count,
    "pieces": len(chunks),
}
found["async"] = asyncio.run(stream_async())
found["chat"] = chat_with_tools(client, streamed=False)
found["chat_streamed"] = chat_with_tools(client, streamed=True)
config = types.GenerateContentConfig(
    response_mime_type="application/json",
    response_schema={"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
    thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024),
    temperature=0.5,
    top_k=4,
    max_output_tokens=3000,
    stop_sequences=["."],
    safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")],
)
found["configured"] = client.models.generate_content(model=model, contents="hello", config=config).text
image = types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n" + b"0" * 20, mime_type="image/png")
found["image"] = client.models.generate_content(model=model, contents=["what is this", image]).text
found["counted"] = client.models.count_tokens(model=model, contents="hello " * 40).total_tokens
try:
    found["vectors"] = [
        list(each.values)
        for each in client.models.embed_content(model=f"{model}-vectors", contents=["a", "b"]).embeddings
    ]
except errors.APIError as error:
    found["vectors"] = error.code
found["unknown_model"] = error_of(client, "nope")
found["limited"] = error_of(client, f"{model}-limited")
found["bad_value"] = error_of(client, model, response_mime_type="text/x.nothing") if "native" not in model else {}
wrong = genai.Client(api_key="sk-wrong", http_options=types.HttpOptions(base_url=url, api_version="v1beta"))
found["wrong_key"] = error_of(wrong, model)
found["models"] = [each.name for each in client.models.list()]
found["model"] = client.models.get(model=model).name
print(json.dumps(found, default=str))
