"""The tables tell the truth: what they say is supported reaches the provider, what is not is refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from proxy.domain.operations import OPERATIONS
from proxy.errors import UnsupportedParamsError
from proxy.providers.parameters import capabilities, fit
from proxy.providers.registry import PROVIDERS
from tests.providers.recordings import build_call
from tests.providers.test_contract import build

FUNCTION = {"name": "look", "description": "Look", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": FUNCTION}
OTHER = {"type": "function", "function": {**FUNCTION, "name": "listen"}}
# A model of each whose format has the parameters that its table promises.
MODELS = {
    "anthropic": "claude-sonnet-4-5",
    "azure_ai": "claude-sonnet-4-5",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "gemini": "gemini-2.5-flash",
    "vertex_ai": "gemini-2.5-flash",
    "vertex_ai_beta": "gemini-2.5-flash",
    "cohere": "command-a-reasoning-08-2025",
    "cohere_chat": "command-a-reasoning-08-2025",
}
OPERATION_MODELS: Mapping[str, Mapping[str, str]] = {
    "chat": MODELS,
    "images": {"bedrock": "amazon.nova-canvas-v1:0"},
    "embeddings": {
        "bedrock": "amazon.titan-embed-text-v2:0",
        "vertex_ai": "text-embedding-005",
        "vertex_ai_beta": "text-embedding-005",
    },
}
# A value that asks for something, and what the parameter needs beside it to mean anything.
VALUES: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "audio": ({"voice": "alloy", "format": "wav"}, {"modalities": ["text", "audio"]}),
    "background": ("transparent", {}),
    "best_of": (2, {}),
    "chunking_strategy": ("auto", {}),
    "dimensions": (256, {}),
    "echo": (True, {}),
    "encoding_format": ("base64", {}),
    "frequency_penalty": (0.5, {}),
    "function_call": ({"name": "look"}, {"functions": [FUNCTION]}),
    "functions": ([FUNCTION], {}),
    "include": (["logprobs"], {}),
    "input_fidelity": ("high", {}),
    "instructions": ("slowly", {}),
    "known_speaker_names": (["agent"], {}),
    "known_speaker_references": (["data:audio/wav;base64,AAA"], {}),
    "language": ("en", {}),
    "logit_bias": ({"50256": -100}, {}),
    "logprobs": (True, {}),
    "max_chunks_per_doc": (3, {}),
    "max_completion_tokens": (17, {}),
    "max_tokens": (17, {}),
    "max_tokens_per_doc": (64, {}),
    "metadata": ({"a": "b"}, {}),
    "moderation": ("low", {}),
    "modalities": (["text", "image"], {}),
    "n": (2, {}),
    "output_compression": (50, {}),
    "output_format": ("webp", {}),
    "parallel_tool_calls": (False, {"tools": [TOOL, OTHER]}),
    "partial_images": (2, {}),
    "prediction": ({"type": "content", "content": "x"}, {}),
    "presence_penalty": (0.5, {}),
    "prompt": ("a name", {}),
    "prompt_cache_key": ("key", {}),
    "prompt_cache_retention": ("24h", {}),
    "quality": ("hd", {}),
    "rank_fields": (["text"], {}),
    "reasoning_effort": ("high", {}),
    "response_format": ({"type": "json_schema", "json_schema": {"name": "x", "schema": FUNCTION["parameters"]}}, {}),
    "return_documents": (True, {}),
    "safety_identifier": ("somebody", {}),
    "seed": (7, {}),
    "service_tier": ("priority", {}),
    "size": ("512x512", {}),
    "speed": (1.5, {}),
    "stop": (["END"], {}),
    "stream_format": ("sse", {}),
    "style": ("vivid", {}),
    "store": (True, {}),
    "suffix": ("!", {}),
    "temperature": (0.5, {}),
    "timestamp_granularities": (["word"], {}),
    "tool_choice": ("required", {"tools": [TOOL]}),
    "tools": ([TOOL], {}),
    "top_logprobs": (2, {"logprobs": True}),
    "top_n": (1, {}),
    "top_p": (0.5, {}),
    "user": ("somebody", {}),
    "verbosity": ("low", {}),
    "voice": ("nova", {}),
    "web_search_options": ({"search_context_size": "low"}, {}),
}
# Where a word means something else in another operation.
SPOKEN: Mapping[tuple[str, str], tuple[Any, Mapping[str, Any]]] = {
    ("speech", "response_format"): ("opus", {}),
    ("speech", "voice"): ("aura-2-thalia-en", {}),
    ("transcriptions", "response_format"): ("diarized_json", {}),
}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "Hi"}]},
    "completions": {"prompt": "Hi"},
    "embeddings": {"input": ["Hi"]},
    "moderations": {"input": ["Hi"]},
    "images": {"prompt": "a dot"},
}
# What the gateway itself does to the answer where the provider has no word for it.
OURS = {"encoding_format", "return_documents", "top_n"}
# Providers whose words and times the gateway writes down in OpenAI's form.
OURS_OF = dict.fromkeys(("deepgram", "elevenlabs"), frozenset({"timestamp_granularities"}))


def wire(name: str, operation: str, fields: Mapping[str, Any]) -> Any:
    """What is sent and what is told of having been left out; or the refusal, which names the parameters."""
    provider, deployment = PROVIDERS[name].form_for(OPERATIONS[operation]), build(name, operation)
    models = OPERATION_MODELS.get(operation, {})
    deployment = replace(deployment, model=models.get(name, deployment.model))
    call = build_call(operation, {**(BODIES.get(operation) or OPERATIONS[operation].probe or {}), **fields})
    try:
        fitted = fit(call, deployment, provider)
        fitting = call.asking(call.model, call.document.edit(fitted.changes, fitted.drop))
        request = provider.build_request(fitting, deployment)
    except UnsupportedParamsError as error:
        return error.message
    return fitted.dropped, request.url, dict(request.headers), bytes(request.body)


def test_every_parameter_has_a_value_when_a_table_names_it() -> None:
    assert VALUES.keys() == frozenset().union(*(row.parameters for row in OPERATIONS.values()))


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_nothing_is_ignored_in_silence_when_a_parameter_is_supported(name: str) -> None:
    ignored = []
    for operation, able in capabilities(PROVIDERS[name])["operations"].items():
        for parameter in able["supported"]:
            value, beside = SPOKEN.get((operation, parameter)) or VALUES[parameter]
            if wire(name, operation, beside) == wire(name, operation, {**beside, parameter: value}):
                ignored.append((operation, parameter))
    ours = OURS | OURS_OF.get(name, frozenset())
    assert [pair for pair in ignored if pair[1] not in ours] == []
