"""`generationConfig` as OpenAI's parameters. https://ai.google.dev/api/generate-content#generationconfig"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.dialects.gemini.reading import camel, read_object, whole_number
from proxy.dialects.gemini.schema import to_json_schema
from proxy.errors import BadRequestError

Fields = Mapping[str, Any]

_NUMBERS: Mapping[str, str] = {
    "temperature": "temperature",
    "topP": "top_p",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_WHOLE: Mapping[str, str] = {
    "topK": "top_k",
    "candidateCount": "n",
    "maxOutputTokens": "max_tokens",
    "seed": "seed",
    "logprobs": "top_logprobs",
}
_TRANSLATED = frozenset(_NUMBERS) | frozenset(_WHOLE) | {
    "stopSequences", "responseLogprobs", "responseMimeType", "responseSchema", "responseJsonSchema",
    "thinkingConfig", "responseModalities", "speechConfig",
}  # fmt: skip
_PLACE = "generationConfig"
_PLAIN_TEXT = "text/plain"
_JSON = "application/json"
_EFFORTS = ("minimal", "low", "medium", "high")
# Budgets of thinking tokens as efforts, the largest first (LiteLLM's thresholds).
_EFFORTS_BY_BUDGET = ((10_000, "high"), (5_000, "medium"), (1, "low"))
# The only format that is streamed.
_AUDIO_FORMAT = "pcm16"


class Parameters(NamedTuple):
    """`left_out` names the members without a place in OpenAI's form."""

    fields: dict[str, Any]
    left_out: tuple[str, ...] = ()


def build_parameters(config: object) -> Parameters:
    """Raise BadRequestError, naming the member."""
    fields = read_object(config, _PLACE) if config is not None else {}
    built: dict[str, Any] = {_NUMBERS[name]: _number(fields, name) for name in _NUMBERS if name in fields}
    built |= {_WHOLE[name]: _whole(fields, name) for name in _WHOLE if name in fields}
    if fields.get("stopSequences"):
        built["stop"] = _texts(fields, "stopSequences")
    if fields.get("responseLogprobs") or "logprobs" in fields:
        built["logprobs"] = True
    built |= _format(fields) | _reasoning(fields) | _modalities(fields)
    return Parameters(built, tuple(f"{_PLACE}.{name}" for name in fields if name not in _TRANSLATED))


def hides_thoughts(config: object) -> bool:
    """Whether the client does not want to see what the model thought. Thoughts are marked: Google's clients keep them apart."""
    fields = read_object(config, _PLACE) if isinstance(config, Mapping) else {}
    thinking = fields.get("thinkingConfig")
    return isinstance(thinking, Mapping) and camel(thinking).get("includeThoughts") is False


def _wrong(name: str, expected: str) -> BadRequestError:
    return BadRequestError(f"Expected {expected} ({_PLACE}.{name}).", param=f"{_PLACE}.{name}")


def _number(fields: Fields, name: str) -> float:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "a number")
    return value


def _whole(fields: Fields, name: str) -> int:
    value = whole_number(fields[name])
    if value is None:
        raise _wrong(name, "an integer")
    return value


def _texts(fields: Fields, name: str) -> list[str]:
    value = fields[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(name, "an array of strings")
    return value


def _format(fields: Fields) -> dict[str, Any]:
    kind = fields.get("responseMimeType", _PLAIN_TEXT)
    given = next((name for name in ("responseJsonSchema", "responseSchema") if name in fields), None)
    if kind not in (_JSON, _PLAIN_TEXT):
        message = f"Only Google's models answer in {kind!r}; others in {_JSON} or {_PLAIN_TEXT}"
        raise BadRequestError(f"{message} ({_PLACE}.responseMimeType).", param=f"{_PLACE}.responseMimeType")
    if kind != _JSON:
        return {}
    if given is None:
        return {"response_format": {"type": "json_object"}}
    if not isinstance(fields[given], Mapping):
        raise _wrong(given, "a schema")
    described = {"name": "answer", "schema": to_json_schema(fields[given])}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _reasoning(fields: Fields) -> dict[str, Any]:
    """The level, else the budget; thoughts that are to be shown must be thought."""
    if "thinkingConfig" not in fields:
        return {}
    thinking = read_object(fields["thinkingConfig"], f"{_PLACE}.thinkingConfig")
    level = thinking.get("thinkingLevel")
    if isinstance(level, str) and level.lower() in _EFFORTS:
        return {"reasoning_effort": level.lower()}
    if "thinkingBudget" not in thinking:
        return {"reasoning_effort": "medium"} if thinking.get("includeThoughts") else {}
    budget = whole_number(thinking["thinkingBudget"])
    if budget is None:
        raise _wrong("thinkingConfig.thinkingBudget", "an integer")
    if budget < 0:
        return {"reasoning_effort": "medium"}
    effort = next((name for least, name in _EFFORTS_BY_BUDGET if budget >= least), None)
    return {} if effort is None else {"reasoning_effort": effort}


def _modalities(fields: Fields) -> dict[str, Any]:
    """Text alone is what every model answers."""
    if "responseModalities" not in fields:
        return {}
    wanted = [word.lower() for word in _texts(fields, "responseModalities")]
    if wanted in ([], ["text"]):
        return {}
    if "audio" not in wanted:
        return {"modalities": wanted}
    voice = _voice(fields.get("speechConfig")) or "alloy"
    return {"modalities": sorted({*wanted, "text"}), "audio": {"voice": voice, "format": _AUDIO_FORMAT}}


def _voice(speech: object) -> str | None:
    """`speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName`."""
    found: object = speech
    for name in ("voiceConfig", "prebuiltVoiceConfig", "voiceName"):
        found = read_object(found, f"{_PLACE}.speechConfig").get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None
