"""A chat completion, or embeddings, as Google's answer. https://ai.google.dev/api/generate-content#generatecontentresponse"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.dialects.gemini.usage import build_usage
from proxy.domain.answer import Answer
from proxy.domain.carried_thoughts import pack_thoughts
from proxy.domain.json_text.codec import dumps, loads

Part = dict[str, Any]

FINISH_REASONS: Mapping[str, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
# OpenAI's pcm16, the only format that it streams.
AUDIO_TYPE = "audio/L16;codec=pcm;rate=24000"


def build_answer(answer: Answer, answer_id: str, *, shows_thoughts: bool) -> bytes:
    """`answer_id` is for an answer without an id of its own."""
    completion = loads(answer.body)
    choices = completion.get("choices")
    built = {
        "candidates": [
            _candidate(mapping(choice), at, shows_thoughts=shows_thoughts)
            for at, choice in enumerate(choices if isinstance(choices, list) else ())
        ],
        **build_usage(answer.usage),
        "modelVersion": completion.get("model") or answer.model or "",
        "responseId": str(completion.get("id") or answer_id),
    }
    return dumps(built)


def _candidate(choice: Mapping[str, Any], at: int, *, shows_thoughts: bool) -> dict[str, Any]:
    message = mapping(choice.get("message"))
    parts = [*_parts(message, shows_thoughts=shows_thoughts)]
    candidate: dict[str, Any] = {
        "content": {"parts": parts or [{"text": ""}], "role": "model"},
        "finishReason": finish_reason(choice.get("finish_reason"), mapping(message.get("provider_specific_fields"))),
        "index": choice.get("index", at),
    }
    return candidate | grounding(message.get("annotations")) | log_probabilities(choice.get("logprobs"))


def _parts(message: Mapping[str, Any], *, shows_thoughts: bool) -> Iterator[Part]:
    """Thoughts, text, pictures, sound, calls."""
    thought = message.get("reasoning_content")
    if shows_thoughts and isinstance(thought, str) and thought:
        yield {"text": thought, "thought": True}
    text = message.get("content") or message.get("refusal")
    if isinstance(text, list):
        text = "".join(str(part.get("text") or "") for part in text if isinstance(part, Mapping))
    if isinstance(text, str) and text:
        yield {"text": text}
    yield from pictures(message.get("images"))
    audio = mapping(message.get("audio"))
    if audio.get("data"):
        yield {"inlineData": {"mimeType": AUDIO_TYPE, "data": audio["data"]}}
    yield from build_calls(find_calls(message), pack_thoughts(message))


def find_calls(message: Mapping[str, Any]) -> list[tuple[object, object, object]]:
    """(id, name, arguments) of each tool call, and of the older function call."""
    given = message.get("tool_calls")
    calls = [mapping(call) for call in given] if isinstance(given, list) else []
    functions = [(call.get("id"), mapping(call.get("function"))) for call in calls]
    legacy = mapping(message.get("function_call"))
    functions += [(None, legacy)] if legacy else []
    return [(identifier, function.get("name"), function.get("arguments")) for identifier, function in functions]


def build_calls(calls: Sequence[tuple[object, object, object]], thoughts: str | None) -> Iterator[Part]:
    """The calls; the first carries the thoughts as its signature."""
    for position, (identifier, name, arguments) in enumerate(calls):
        named = {"id": identifier} if isinstance(identifier, str) and identifier else {}
        part: Part = {"functionCall": {**named, "name": name, "args": parse_arguments(arguments)}}
        yield {**part, "thoughtSignature": thoughts} if thoughts and position == 0 else part


def pictures(images: object) -> Iterator[Part]:
    """The pictures that the model made: bytes, or their address."""
    for image in images if isinstance(images, list) else ():
        url = str(mapping(mapping(image).get("image_url")).get("url") or "")
        head, mark, data = url.partition(";base64,")
        if mark and head.startswith("data:"):
            yield {"inlineData": {"mimeType": head.removeprefix("data:"), "data": data}}
        elif url:
            yield {"fileData": {"fileUri": url}}


def finish_reason(finish: object, specific: Mapping[str, Any]) -> str:
    """Google's word: its own where a model of Google's answered."""
    native = specific.get("native_finish_reason")
    if isinstance(native, str) and native:
        return native
    return FINISH_REASONS.get(finish, "STOP") if isinstance(finish, str) else "OTHER"


def grounding(annotations: object) -> dict[str, Any]:
    """OpenAI's citations of web pages as `groundingMetadata`."""
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    for annotation in annotations if isinstance(annotations, list) else ():
        cited = mapping(mapping(annotation).get("url_citation"))
        if not isinstance(cited.get("url"), str):
            continue
        segment = {"startIndex": cited.get("start_index", 0), "endIndex": cited.get("end_index", 0)}
        supports.append({"segment": segment, "groundingChunkIndices": [len(chunks)]})
        chunks.append({"web": {"uri": cited["url"], "title": cited.get("title") or ""}})
    return {"groundingMetadata": {"groundingChunks": chunks, "groundingSupports": supports}} if chunks else {}


def log_probabilities(given: object) -> dict[str, Any]:
    """OpenAI's `logprobs` as `logprobsResult`."""
    rows = mapping(given).get("content")
    found = [mapping(row) for row in rows] if isinstance(rows, list) else []
    if not found:
        return {}
    tops = [row.get("top_logprobs") for row in found]
    result: dict[str, Any] = {"chosenCandidates": [_token(row) for row in found]}
    if any(tops):
        result["topCandidates"] = [{"candidates": [_token(mapping(top)) for top in each or ()]} for each in tops]
    average = sum(float(row.get("logprob") or 0) for row in found) / len(found)
    return {"logprobsResult": result, "avgLogprobs": average}


def _token(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": row.get("token"), "logProbability": row.get("logprob")}


def build_vectors(answer: Answer, *, is_single: bool) -> bytes:
    """The vectors of an embeddings answer; `is_single` for embedContent, which has one."""
    data = loads(answer.body).get("data")
    vectors = [{"values": mapping(row).get("embedding")} for row in data] if isinstance(data, list) else []
    if is_single:
        return dumps({"embedding": vectors[0] if vectors else {"values": []}})
    return dumps({"embeddings": vectors})


def parse_arguments(arguments: object) -> Mapping[str, Any]:
    """An object. Arguments that are none are kept under a name of their own."""
    if isinstance(arguments, str):
        try:
            arguments = loads(arguments) if arguments.strip() else {}
        except ValueError:
            return {"arguments": arguments}
    if arguments is None:
        return {}
    return arguments if isinstance(arguments, Mapping) else {"arguments": arguments}


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
