"""The operations that the gateway serves: one row each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """`path` is OpenAI's, below the base URL; `call_type` is the name in records.

    `results` is the member of an answer that holds the list of what was asked for.
    """

    name: str
    path: str
    call_type: str
    streams: bool = False
    results: str = "choices"


CHAT = Operation("chat", "chat/completions", "acompletion", streams=True)
COMPLETIONS = Operation("completions", "completions", "atext_completion", streams=True)
EMBEDDINGS = Operation("embeddings", "embeddings", "aembedding", results="data")
MODERATIONS = Operation("moderations", "moderations", "amoderation", results="results")

OPERATIONS = {operation.name: operation for operation in (CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS)}
