"""OpenAI's SDK, and what its users send back of what they got."""

from typing import Any

import openai

from tests.live.servers import Server


def client_of(server: Server) -> openai.OpenAI:
    return openai.OpenAI(api_key="anything", base_url=server.url, max_retries=0, timeout=20)


def ask(client: openai.OpenAI, model: str, messages: list[Any], *, stream: bool, tools: Any = openai.omit) -> Any:
    """The assistant's message as a client sends it back: the SDK's object, dumped."""
    if not stream:
        answer = client.chat.completions.create(model=model, messages=messages, tools=tools)
        return answer.choices[0].message.model_dump(exclude_none=True)
    with client.chat.completions.stream(model=model, messages=messages, tools=tools) as events:
        message = events.get_final_completion().choices[0].message.model_dump(exclude_none=True)
    message.pop("parsed", None)
    for call in message.get("tool_calls", []):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return message
