"""Google's contents as OpenAI's messages.

Neighbours of one role are one turn: Google's clients keep each piece of a stream as a content of its own. A user's turn may
become several messages: each function's response is one, and what else is in the turn follows them.
"""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.gemini.media import build_file, build_inline
from proxy.dialects.gemini.reading import entries, read_object
from proxy.domain.carried_thoughts import unpack_thoughts
from proxy.domain.json_text.codec import dumps
from proxy.errors import BadRequestError

Fields = Mapping[str, Any]
Part = dict[str, Any]
Message = dict[str, Any]

_ROLES: Mapping[str, str] = {"user": "user", "model": "model", "function": "user", "tool": "user"}
# Members of a part beside its data.
_BESIDE = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
_HINTS = ("videoMetadata", "mediaResolution")
# The only member of a response that is a text in an object for form's sake.
_WRAPPERS = ("output", "result", "content", "error")


class Conversation:
    """The messages as they are built. `left_out` names members without a place in OpenAI's form."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.left_out: list[str] = []
        # Calls without a response so far: (id, name).
        self._open: list[tuple[str, str]] = []
        self._calls = 0

    def add_system(self, instruction: object) -> None:
        """`systemInstruction`: a content whose role does not count."""
        if isinstance(instruction, str):
            instruction = {"parts": [{"text": instruction}]}
        found = read_object(instruction, "systemInstruction").get("parts", [])
        parts = [
            part
            for place, fields in entries(found, "systemInstruction.parts")
            if (part := self._part(fields, place)) is not None
        ]
        if parts:
            self.messages.append({"role": "system", "content": _compact(parts)})

    def add_contents(self, contents: object) -> None:
        turn: list[tuple[str, Part]] = []
        kind = ""
        for place, content in entries(contents, "contents"):
            role = _ROLES.get(content.get("role", "user"))
            if role is None:
                raise BadRequestError(f"A role is user or model ({place}.role).", param=f"{place}.role")
            if role != kind:
                self._add_turn(kind, turn)
                turn, kind = [], role
            turn += entries(content.get("parts", []), f"{place}.parts")
        self._add_turn(kind, turn)

    def _add_turn(self, kind: str, turn: list[tuple[str, Part]]) -> None:
        if kind == "model":
            self._add_model(turn)
        elif kind:
            self._add_user(turn)

    def _add_user(self, turn: list[tuple[str, Part]]) -> None:
        """Responses first, as OpenAI has them directly after their calls."""
        parts: list[Part] = []
        for place, part in turn:
            if "functionResponse" in part:
                parts += self._add_response(read_object(part["functionResponse"], f"{place}.functionResponse"), place)
        for place, part in turn:
            built = None if "functionResponse" in part else self._part(part, place)
            if built is not None:
                parts.append(built)
        if parts:
            self.messages.append({"role": "user", "content": _compact(parts)})

    def _add_response(self, response: Fields, place: str) -> list[Part]:
        """Adds the tool's message; the media in the response, which follow in a user's message, come back."""
        identifier, is_error = self._match(response, place), False
        value = response.get("response", {})
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, only),) = value.items()
            is_error = name == "error"
            value = only if name in _WRAPPERS and isinstance(only, str) else value
        text = value if isinstance(value, str) else dumps(value).decode()
        message: Message = {"role": "tool", "tool_call_id": identifier, "content": text}
        self.messages.append({**message, "is_error": True} if is_error else message)
        media = []
        for where, part in entries(response.get("parts", []), f"{place}.functionResponse.parts"):
            if (built := self._part(part, where)) is not None:
                media.append(built)
        return [{"type": "text", "text": f"The result of tool call {identifier}:"}, *media] if media else []

    def _match(self, response: Fields, place: str) -> str:
        """The id of the call that is answered: found by the id, by the name, or as the next of those that wait."""
        for member, position in (("id", 0), ("name", 1)):
            given = response.get(member)
            for call in self._open:
                if given and call[position] == given:
                    self._open.remove(call)
                    return call[0]
        if self._open:
            return self._open.pop(0)[0]
        where = f"{place}.functionResponse"
        raise BadRequestError(f"The response answers no function call of an earlier turn ({where}).", param=where)

    def _add_model(self, turn: list[tuple[str, Part]]) -> None:
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[Message] = []
        carried: Message = {}
        for place, part in turn:
            carried.update(unpack_thoughts(part.get("thoughtSignature")) or {})
            if "functionCall" in part:
                calls.append(self._call(read_object(part["functionCall"], f"{place}.functionCall"), part, place))
            elif "inlineData" in part or "fileData" in part:
                # Pictures that a model made have no place in what an assistant said.
                self.left_out.append(place)
            elif (built := self._part(part, place)) is not None:
                (thoughts if part.get("thought") else texts).append(built["text"])
        content = "".join(texts)
        message: Message = {"role": "assistant", "content": content or (None if calls else "")}
        if thoughts:
            message["reasoning_content"] = "".join(thoughts)
        message.update(carried)
        if calls:
            message["tool_calls"] = calls
        if texts or thoughts or calls or carried:
            self.messages.append(message)

    def _call(self, call: Fields, part: Fields, place: str) -> Message:
        name, arguments = call.get("name"), call.get("args", {})
        if not isinstance(name, str) or not name:
            raise BadRequestError(
                f"A function call has a name ({place}.functionCall).", param=f"{place}.functionCall.name"
            )
        given = call.get("id")
        identifier = given if isinstance(given, str) and given else f"call_{self._calls}"
        self._calls += 1
        self._open.append((identifier, name))
        function = {"name": name, "arguments": dumps(arguments).decode()}
        built: Message = {"id": identifier, "type": "function", "function": function}
        signature = part.get("thoughtSignature")
        if isinstance(signature, str) and unpack_thoughts(signature) is None:
            built["provider_specific_fields"] = {"thought_signature": signature}
        return built

    def _part(self, part: Fields, place: str) -> Part | None:
        """A part of OpenAI's; None for an empty text, and for a part that is a signature only."""
        self.left_out += [f"{place}.{name}" for name in _HINTS if name in part]
        kinds = [name for name in part if name not in _BESIDE]
        if not kinds:
            return None
        kind = kinds[0]
        value, where = part[kind], f"{place}.{kind}"
        if kind == "text":
            if not isinstance(value, str):
                raise BadRequestError(f"Expected a string ({where}).", param=where)
            return {"type": "text", "text": value} if value else None
        if kind == "inlineData":
            return build_inline(value, where)
        if kind == "fileData":
            return build_file(value, where)
        if kind == "executableCode":
            return {"type": "text", "text": f"```\n{read_object(value, where).get('code', '')}\n```\n"}
        if kind == "codeExecutionResult":
            return {"type": "text", "text": str(read_object(value, where).get("output", ""))}
        raise BadRequestError(f"Only Google's models take a part with '{kind}' ({place}).", param=where)


def _compact(parts: list[Part]) -> str | list[Part]:
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0]["type"] == "text" else parts
