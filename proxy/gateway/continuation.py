"""A streamed text that broke is finished by another deployment: what may be continued, and how it is asked for.

Never within a tool call and never after signed thinking: no model can continue from there truthfully.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from proxy.domain.answer import Chunk, Notice, StreamReply
from proxy.domain.attempt import OnResult, Outcome, Send
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.operations import CHAT
from proxy.domain.usage import Usage
from proxy.domain.wire import Clocks
from proxy.errors import Attempt, ClientClosedRequestError, GatewayError, NoDeploymentAvailableError
from proxy.gateway.splice import Splice, anchor_of
from proxy.routing.estimate import CHARACTERS_PER_TOKEN
from proxy.routing.retry import retryable
from proxy.routing.router import Router

# How often one answer is continued.
MOST_CONTINUATIONS = 3
_LEAST_TOKENS = 16
_LIMITS = ("max_tokens", "max_completion_tokens")
# What a delta may hold beside text without making the answer one that can't be continued.
_HARMLESS = frozenset({"role", "content", "reasoning_content", "reasoning", "refusal", "provider_specific_fields"})
_THOUGHTS = ("reasoning_content", "reasoning", "thinking_blocks", "reasoning_details")
# Providers that continue a last assistant message, and the member that it needs for that.
# https://docs.mistral.ai/capabilities/completion/#other-useful-features (prefix)
_PREFIX: Mapping[str, Mapping[str, Any]] = {"mistral": {"prefix": True}, "ollama": {}, "ollama_chat": {}}
# https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/prefill-claudes-response: up to Claude 4.5.
_CLAUDE = re.compile(r"claude-(?:instant|v?[123](?!\d)|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?!\d|-\d(?!\d)))")
_INSTRUCTION = (
    "Your last message was cut off in the middle. Write the rest of it: no introduction, no comment, nothing again from "
    "its beginning. Start with exactly these last characters of it, given as a JSON string, and go on from there: "
)


def may_continue(call: Call) -> bool:
    """Whether the answer is to be one plain text."""
    fields = call.fields
    form = fields.get("response_format")
    kind = form.get("type") if isinstance(form, Mapping) else None
    return call.operation is CHAT and (fields.get("n") or 1) == 1 and kind in (None, "text")


def takes_prefill(call: Call, deployment: Deployment) -> Mapping[str, Any] | None:
    """What the message needs to be taken as the beginning of the answer; None where the model writes a new one.

    Claude does not begin in the middle when it is to think first.
    """
    if _CLAUDE.search(deployment.model.lower().replace(".", "-")):
        return None if any(call.fields.get(name) for name in ("thinking", "reasoning_effort")) else {}
    return _PREFIX.get(deployment.provider)


def continued_call(call: Call, text: str, deployment: Deployment) -> Call:
    """The call for the rest of the answer from `deployment`."""
    prefix = takes_prefill(call, deployment)
    partial = {"role": "assistant", "content": text.rstrip(), **(prefix or {})}
    messages = [*call.fields["messages"], partial]
    if prefix is None:
        quoted = dumps(anchor_of(text)).decode()
        messages.append({"role": "user", "content": _INSTRUCTION + quoted})
    spent = len(text) // CHARACTERS_PER_TOKEN
    limits = {
        name: max(_LEAST_TOKENS, call.fields[name] - spent) for name in _LIMITS if (call.fields.get(name) or 0) > 0
    }
    return call._replace(document=call.document.edit({"messages": messages, **limits}))


class SeenAnswer:
    """What the client has seen of an answer, and whether one could go on from there."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._plain = True
        self.head: dict[str, Any] = {}

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def note(self, fields: Mapping[str, Any]) -> None:
        if not self.head:
            self.head = {name: fields[name] for name in ("id", "created") if name in fields}
        for choice in fields.get("choices") or ():
            delta = choice.get("delta") or {}
            self._plain = self._plain and not any(value for name, value in delta.items() if name not in _HARMLESS)
            self._plain = self._plain and not delta.get("refusal") and not choice.get("finish_reason")
            if isinstance(delta.get("content"), str):
                self._texts.append(delta["content"])

    def continues(self) -> bool:
        return self._plain and bool(self.text.strip())


class ContinuedStream:
    """One answer out of as many parts as it takes, at most MOST_CONTINUATIONS after the first.

    The client sees a comment at each seam and, in the chunks with the finish_reason and the usage, `continued`: the
    model of each further part and how many characters stood before it. The usage is the sum of all parts.
    """

    def __init__(self, router: Router, call: Call, send: Send, first: Outcome) -> None:
        assert isinstance(first.reply, StreamReply)
        self._router = router
        self._call = call
        self._send = send
        self._current: StreamReply = first.reply
        self._first = first.reply
        self._failed = [first.deployment.id]
        self._seen = SeenAnswer()
        self._splice: Splice | None = None
        self._seams: list[dict[str, Any]] = []
        self._spent: Usage | None = None
        self._attempts: list[Attempt] = []
        self._interruption: GatewayError | None = None

    def reply(self) -> StreamReply:
        return replace(
            self._first,
            chunks=self._chunks(),
            close=self.close,
            spent=self.spent,
            interrupt=self.interrupt,
            attempts=lambda: tuple(self._attempts),
        )

    def close(self) -> None:
        self._current.close()

    def interrupt(self, error: GatewayError) -> None:
        self._interruption = error
        self._current.interrupt(error)

    def spent(self) -> Usage | None:
        """The tokens of all parts so far."""
        return _sum(self._spent, self._current.spent())

    def _chunks(self) -> Iterator[list[Chunk]]:
        while True:
            try:
                for batch in self._current.chunks:
                    seen = self._read(batch)
                    if seen or not batch:
                        yield seen
            except GatewayError as error:
                if not self._may_go_on(error):
                    raise
                broken = error
            else:
                return
            yield Notice(f"the answer broke off ({type(broken).__name__}) and is being continued")
            self._go_on(broken)

    def _may_go_on(self, error: GatewayError) -> bool:
        if self._interruption is not None or isinstance(error, ClientClosedRequestError):
            return False
        return len(self._seams) < MOST_CONTINUATIONS and retryable(error, True) and self._seen.continues()

    def _go_on(self, broken: GatewayError) -> None:
        """Open the next part. Raise the failure that made it necessary when no deployment can."""
        text = self._seen.text
        try:
            outcome = self._next_part(self._send_rest(text))
        except ClientClosedRequestError:
            raise
        except GatewayError as error:
            self._attempts += error.attempts
            raise broken from error
        assert isinstance(outcome.reply, StreamReply)
        self._spent = self.spent()
        self._current = outcome.reply
        self._attempts += outcome.attempts
        self._failed.append(outcome.deployment.id)
        self._splice = Splice(
            text, "" if takes_prefill(self._call, outcome.deployment) is not None else anchor_of(text)
        )
        self._seams.append({"model": outcome.deployment.label, "after": len(text)})
        if self._interruption is not None:
            outcome.reply.close()
            raise self._interruption

    def _next_part(self, send: Send) -> Outcome:
        """From another deployment; from one that has failed where there is no other."""
        try:
            return self._router.run(self._call, send, avoid=self._failed)
        except NoDeploymentAvailableError as error:
            if error.attempts:
                raise
            return self._router.run(self._call, send)

    def _send_rest(self, text: str) -> Send:
        def send(call: Call, deployment: Deployment, clocks: Clocks, on_result: OnResult) -> Any:
            return self._send(continued_call(call, text, deployment), deployment, clocks, on_result)

        return send

    def _read(self, batch: list[Chunk]) -> list[Chunk]:
        seen: list[Chunk] = []
        for chunk in batch:
            fields = loads(chunk.data)
            if self._splice is not None:
                rewritten = self._rewrite(chunk, fields, self._splice)
                if rewritten is None:
                    continue
                chunk = rewritten  # noqa: PLW2901
            self._seen.note(fields)
            seen.append(chunk)
        return seen

    def _rewrite(self, chunk: Chunk, fields: dict[str, Any], splice: Splice) -> Chunk | None:
        """A chunk of a further part as one of the whole answer; None when nothing of it is left."""
        fields.update(self._seen.head)
        usage = chunk.usage
        if usage is not None:
            usage = _sum(self._spent, usage)
            fields["usage"] = usage.to_openai() if usage else None
        for choice in fields.get("choices") or ():
            delta = choice["delta"] = {
                name: value for name, value in (choice.get("delta") or {}).items() if name not in ("role", *_THOUGHTS)
            }
            text = splice.feed(delta.pop("content", None) or "")
            if chunk.finished or delta:
                text += splice.finish()
            if text:
                delta["content"] = text
        if chunk.finished or usage is not None:
            fields["continued"] = self._seams
        elif not any(choice["delta"] for choice in fields.get("choices") or ()):
            return None
        return chunk._replace(data=dumps(fields), usage=usage)


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return one or other
    return one.plus(other)
