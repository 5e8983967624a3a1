"""A whole answer of `generateContent` as a `chat.completion`."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads
from proxy.errors import InvalidProviderResponseError
from proxy.providers.compatible.stream import prefixed
from proxy.providers.gemini.candidates import CandidateReader, finish_reason, logprobs, native_finish, read_reason
from proxy.providers.gemini.errors import event_error
from proxy.providers.gemini.grounding import annotations, kept
from proxy.providers.gemini.models import family
from proxy.providers.gemini.usage import parse_usage
from proxy.providers.translation.chunks import created_at

_SIGNS = ("candidates", "promptFeedback", "usageMetadata")


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """Raise InvalidProviderResponseError for what isn't an answer. Candidates may be missing, and parts of them."""
    fields = read_answer(body, deployment)
    usage = parse_usage(fields.get("usageMetadata"))
    model = answering_model(fields, deployment)
    document: dict[str, Any] = {
        "id": answer_id(fields, call),
        "object": "chat.completion",
        "created": created_at(call),
        "model": model,
        "choices": _choices(fields, call, deployment),
    }
    if usage is not None:
        document["usage"] = usage.to_openai()
    tier = service_tier(fields)
    if tier:
        document["service_tier"] = tier
    return Answer(dumps(document), usage, model, headers)


def read_answer(body: bytes, deployment: Deployment) -> Mapping[str, Any]:
    """The JSON object; an error in it is raised."""
    try:
        fields = loads(body)
    except ValueError:
        fields = None
    error = fields[0] if isinstance(fields, list) and fields else fields
    if isinstance(error, dict) and error.get("error"):
        raise event_error(body, deployment)
    if not isinstance(fields, dict) or not any(sign in fields for sign in _SIGNS):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is no answer of Gemini's", provider=deployment.provider
        )
    return fields


def answer_id(fields: Mapping[str, Any], call: Call) -> str:
    given = fields.get("responseId")
    return given if isinstance(given, str) and given else f"chatcmpl-{call.id}"


def answering_model(fields: Mapping[str, Any], deployment: Deployment) -> str:
    return prefixed(fields.get("modelVersion"), deployment) or deployment.label


def service_tier(fields: Mapping[str, Any]) -> str | None:
    metadata = fields.get("usageMetadata")
    tier = metadata.get("serviceTier") if isinstance(metadata, Mapping) else None
    return {"standard": "default"}.get(tier, tier) if isinstance(tier, str) else None


def block_reason(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate made of a refused prompt, which has none."""
    feedback = fields.get("promptFeedback")
    if not isinstance(feedback, Mapping) or not feedback.get("blockReason"):
        return {}
    names = {"blockReasonMessage": "finishMessage", "safetyRatings": "safetyRatings"}
    return {"finishReason": "SAFETY", **{new: feedback[old] for old, new in names.items() if feedback.get(old)}}


def _choices(fields: Mapping[str, Any], call: Call, deployment: Deployment) -> list[dict[str, Any]]:
    given = fields.get("candidates")
    candidates = [item for item in given if isinstance(item, Mapping)] if isinstance(given, list) else []
    return [
        _choice(candidate, index, call, deployment)
        for index, candidate in enumerate(candidates or [block_reason(fields)])
    ]


def _choice(candidate: Mapping[str, Any], index: int, call: Call, deployment: Deployment) -> dict[str, Any]:
    reader = CandidateReader(call, family(deployment), index)
    added = reader.read(candidate)
    # Tool calls, images and thinking blocks are counted in streams only.
    for item in (*added.get("tool_calls", ()), *added.get("images", ()), *added.get("thinking_blocks", ())):
        item.pop("index", None)
    content = added.pop("content", "")
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if reader.calls else ""), **added}
    cited = annotations(candidate, content)
    if cited:
        message["annotations"] = cited
    own = {**reader.fields, **kept(candidate), **native_finish(candidate)}
    if own:
        message["provider_specific_fields"] = own
    return {
        "index": index,
        "message": message,
        "finish_reason": finish_reason(read_reason(candidate), reader.calls > 0),
        "logprobs": logprobs(candidate),
    }
