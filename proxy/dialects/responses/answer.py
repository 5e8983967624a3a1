"""The response object: what was asked, what came of it, and the whole answer of a call that was not streamed."""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.responses.output import Output
from proxy.dialects.responses.tools import ToolName, read_tools
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.conversation import NO_CONVERSATION, Conversation, KeptAnswer, ResponseName
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage

# Members of the request that the response repeats, with what holds where the request has none.
_REPEATED: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseBuilder:
    """Builds the response objects of one bridged call; `model` is the one that answered."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._fields: Mapping[str, Any] = {} if call.native is None else call.native.fields
        self.conversation: Conversation = call.conversation or NO_CONVERSATION
        self.name = ResponseName(call.id, self.conversation.owner, call.model)
        self.id = self.conversation.sign(self.name)
        self.model = call.model

    def tools(self) -> Mapping[str, ToolName]:
        return read_tools(self._fields).names

    def build(
        self,
        status: str,
        output: list[dict[str, Any]] | None = None,
        usage: Usage | None = None,
        cost: float | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        fields = self._fields
        head = {
            "id": self.id,
            "object": "response",
            "created_at": int(self._call.started_at),
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output or [],
            "previous_response_id": self.conversation.previous,
            "store": self.conversation.stored,
            "usage": None if usage is None else build_usage(usage, cost),
        }
        repeated = {name: default if fields.get(name) is None else fields[name] for name, default in _REPEATED.items()}
        return {**head, **repeated, **members}

    def finish(
        self, output: list[dict[str, Any]], finish_reason: Any, usage: Usage | None, cost: float | None = None
    ) -> dict[str, Any]:
        """The response of a finished answer; it is kept where the client wants to refer to it."""
        reason = _INCOMPLETE.get(finish_reason) if isinstance(finish_reason, str) else None
        if reason is None:
            response = self.build("completed", output, usage, cost)
        else:
            response = self.build("incomplete", output, usage, cost, incomplete_details={"reason": reason})
        if self.conversation.stored:
            self.conversation.keep(self.name, KeptAnswer(list_items(self._fields.get("input")), response))
        return response


def build_usage(usage: Usage, cost: float | None = None) -> dict[str, Any]:
    built: dict[str, Any] = {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
    if usage.cache_write_tokens:
        built["input_tokens_details"]["cache_write_tokens"] = usage.cache_write_tokens
    return built if cost is None else {**built, "cost": cost}


def list_items(given: Any) -> list[Any]:
    """A request's input as items."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    return list(given) if isinstance(given, list) else []


def write_answer(call: Call, answer: Answer) -> bytes:
    """A whole chat completion as a response."""
    completion = loads(answer.body)
    choices = completion.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
    message = choice.get("message")
    builder = ResponseBuilder(call)
    builder.model = answer.model or completion.get("model") or call.model
    output = Output(call.id, builder.tools(), builder.conversation.sealer)
    logprobs = choice.get("logprobs")
    output.add(message if isinstance(message, Mapping) else {}, logprobs.get("content") if logprobs else None)
    output.close()
    return dumps(builder.finish(output.items, choice.get("finish_reason"), answer.usage))
