"""`generationConfig`: OpenAI's parameters in Gemini's names.

https://ai.google.dev/api/generate-content#generationconfig
"""

from collections.abc import Mapping
from typing import Any

from proxy.errors import BadRequestError
from proxy.providers.gemini.schema import reduce_schema
from proxy.providers.gemini.thinking import build_thinking

_NAMES: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "topP",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
# Gemini's own, which clients write in either spelling.
_OWN = (
    "topK",
    "mediaResolution",
    "speechConfig",
    "imageConfig",
    "thinkingConfig",
    "responseModalities",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "audioTimestamp",
    "routingConfig",
    "modelSelectionConfig",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "enableAffectiveDialog",
    "enableEnhancedCivicAnswers",
)


def snake(name: str) -> str:
    """`media_resolution` of `mediaResolution`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


OWN_NAMES: Mapping[str, str] = {spelling: name for name in _OWN for spelling in (name, snake(name))}
HANDLED = frozenset(_NAMES) | frozenset(OWN_NAMES) | {
    "stop", "response_format", "modalities", "audio", "reasoning_effort", "thinking",
    "generationConfig", "generation_config",
}  # fmt: skip


def build_generation_config(fields: Mapping[str, Any], model: str) -> dict[str, Any]:
    """What the client named in Gemini's own words wins over what follows from OpenAI's."""
    config = {_NAMES[name]: fields[name] for name in _NAMES if fields.get(name) is not None}
    stop = fields.get("stop")
    if stop is not None:
        config["stopSequences"] = [stop] if isinstance(stop, str) else stop
    config |= _build_format(fields.get("response_format"))
    config |= _build_modalities(fields)
    thinking = build_thinking(fields, model)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    config |= {OWN_NAMES[name]: fields[name] for name in fields if name in OWN_NAMES and fields[name] is not None}
    for name in ("generationConfig", "generation_config"):
        own = fields.get(name)
        if own is not None and not isinstance(own, Mapping):
            raise BadRequestError(f"{name} is not an object", param=name)
        config |= own or {}
    return config


def _build_format(wanted: object) -> dict[str, Any]:
    """https://ai.google.dev/gemini-api/docs/structured-output"""
    if wanted is None:
        return {}
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if not isinstance(wanted, Mapping) or kind not in ("text", "json_object", "json_schema"):
        raise BadRequestError("response_format has no type text, json_object or json_schema", param="response_format")
    if kind == "text":
        return {}
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else wanted.get("response_schema")
    reduced = {"responseJsonSchema": reduce_schema(schema)} if schema else {}
    return {"responseMimeType": "application/json", **reduced}


def _build_modalities(fields: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    modalities, audio = fields.get("modalities"), fields.get("audio")
    if isinstance(modalities, list):
        config["responseModalities"] = [str(modality).upper() for modality in modalities]
    if isinstance(audio, Mapping) and audio.get("voice"):
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": audio["voice"]}}}
    return config
