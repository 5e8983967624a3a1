"""OpenAILike pointed at the gateway, as on the page. Arguments: URL, key. Prints one JSON object."""

import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

url, key = sys.argv[1:]
llm = OpenAILike(
    model="gpt-3.5-turbo", api_base=url, api_key=key, is_chat_model=True, context_window=8192, max_retries=0
)
messages = [ChatMessage(role="user", content="this is a test request, write a short poem")]
answer = llm.chat(messages)
streamed = "".join(chunk.delta or "" for chunk in llm.stream_chat(messages))
print(json.dumps({"text": answer.message.content, "streamed": streamed}))
