"""ChatOpenAI pointed at the gateway, as on the page. Arguments: URL, key. Prints one JSON object."""

import json
import sys

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

url, key = sys.argv[1:]
chat = ChatOpenAI(
    openai_api_base=url,
    api_key=key,
    model="gpt-3.5-turbo",
    temperature=0.1,
    max_retries=0,
    extra_body={
        "metadata": {
            "generation_name": "ishaan-generation-langchain-client",
            "generation_id": "langchain-client-gen-id22",
            "trace_id": "langchain-client-trace-id22",
            "trace_user_id": "langchain-client-user-id2",
        }
    },
)
messages = [
    SystemMessage(content="You are a helpful assistant that im using to make a test request to."),
    HumanMessage(content="this is a test request, write a short poem"),
]
answer = chat.invoke(messages)
streamed = "".join(str(chunk.content) for chunk in chat.stream(messages))
print(json.dumps({"text": answer.content, "streamed": streamed, "usage": answer.usage_metadata}))
