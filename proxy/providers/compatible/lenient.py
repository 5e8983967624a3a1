"""Answers and chunks of servers that are careless with OpenAI's format, as OpenAI would have sent them.

Errors inside a 200, tool calls without index, id or type, arguments that are no text, choices without a delta. What is in
order is returned as the same object.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.errors import InvalidProviderResponseError
from proxy.providers.translation.json_reading import dump_arguments, mapping

# A stream with more calls, or more choices, than this is not an answer.
MOST_CALLS = 1024
# Finish reasons of a broken answer, with the status of such an error.
# https://openrouter.ai/docs/api-reference/errors, https://docs.mistral.ai/api/, https://docs.z.ai,
# https://api-docs.deepseek.com/api/create-chat-completion (insufficient_system_resource), sglang and vLLM (abort)
ERROR_REASONS: Mapping[str, int] = {
    "error": 502,
    "failed": 502,
    "network_error": 502,
    "server_error": 502,
    "abort": 502,
    "aborted": 502,
    "insufficient_system_resource": 503,
}
# MiniMax: https://platform.minimax.io/docs/api-reference/errorcode
_MINIMAX_STATUS: Mapping[int, int] = {
    1002: 429, 1004: 401, 1008: 402, 1026: 400, 1027: 400, 1039: 429, 1041: 429, 2013: 400, 2045: 429, 2049: 401, 2056: 429,
}  # fmt: skip
_MINIMAX_POLICY = frozenset({1026, 1027})


def find_error(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error object of an answer or a chunk that is, or holds, an error; None for any other."""
    if fields.get("error") or fields.get("object") == "error" or fields.get("type") == "error":
        return fields
    choices = fields.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, Mapping) and (choice.get("error") or choice.get("finish_reason") in _REASONS):
                return _error_of_choice(choice)
        if choices:
            return None
    status = mapping(fields.get("base_resp")).get("status_code")
    if isinstance(status, int) and status:
        return _error_of_minimax(status, mapping(fields["base_resp"]).get("status_msg"))
    return fields if choices is None and _is_bare_error(fields) else None


# Where answers of the other operations have their results.
_RESULTS = ("data", "results")
# A tuple, for a finish reason may be anything, also a list.
_REASONS = tuple(ERROR_REASONS)


def _error_of_choice(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    error, reason = choice.get("error"), choice.get("finish_reason")
    status = ERROR_REASONS.get(reason, 502) if isinstance(reason, str) else 502
    if isinstance(error, Mapping):
        return {"error": {"code": status, **error}}
    message = error if isinstance(error, str) and error else f"the answer ended with the finish reason '{reason}'"
    return {"error": {"message": message, "code": status}}


def _error_of_minimax(status: int, message: object) -> Mapping[str, Any]:
    code = "content_policy_violation" if status in _MINIMAX_POLICY else _MINIMAX_STATUS.get(status, 500)
    return {"error": {"message": message or "the provider named no reason", "code": code}}


def _is_bare_error(fields: Mapping[str, Any]) -> bool:
    """An object without results that names a reason and calls it an error: FastAPI, Databricks, DashScope, Watsonx."""
    if any(isinstance(fields.get(name), list) for name in _RESULTS):
        return False
    if fields.get("errors") or fields.get("detail") or isinstance(fields.get("error_code"), str):
        return True
    message = fields.get("message") or fields.get("msg")
    names_status = any(name in fields for name in ("code", "status", "status_code", "statusCode"))
    return isinstance(message, str) and (names_status or fields.get("success") is False)


# The finish reasons of an answer in order.
_USUAL_REASONS = ("stop", "length", "content_filter")


_CALLS = frozenset({"tool_calls", "function_call"})


def is_usual(fields: Mapping[str, Any]) -> bool:
    """Whether a whole answer is one of texts alone, as most are: then nothing of this module is needed for it."""
    choices = fields.get("choices")
    if type(choices) is not list or not choices or "error" in fields or fields.get("object") == "error":
        return False
    for choice in choices:
        if type(choice) is not dict or choice.get("finish_reason") not in _USUAL_REASONS or "error" in choice:
            return False
        message = choice.get("message")
        if type(message) is not dict or not _CALLS.isdisjoint(message):
            return False
    return True


def complete_choices(choices: list[Any], answer_id: object) -> list[Any]:
    """The choices of a whole answer, their tool calls as OpenAI writes them."""
    completed = [_complete_choice(choice, position, answer_id) for position, choice in enumerate(choices)]
    return choices if all(map(_is_same, completed, choices)) else completed


def _complete_choice(choice: Any, position: int, answer_id: object) -> Any:
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        return choice
    changes: dict[str, Any] = {}
    if message.get("tool_calls"):
        changes["tool_calls"] = _complete_calls(message["tool_calls"], position, answer_id)
    function = message.get("function_call")
    if isinstance(function, Mapping) and not isinstance(function.get("arguments"), str):
        changes["function_call"] = {**function, "arguments": dump_arguments(function.get("arguments"))}
    changes = {name: value for name, value in changes.items() if value is not message[name]}
    fixed = {**choice, "message": {**message, **changes}} if changes else choice
    if choice.get("finish_reason") == "":
        fixed = {**fixed, "finish_reason": "tool_calls" if message.get("tool_calls") else "stop"}
    return fixed


def _complete_calls(calls: Any, position: int, answer_id: object) -> Any:
    listed = _as_list(calls)
    completed = [_complete_call(call, build_call_id(answer_id, position, number)) for number, call in enumerate(listed)]
    return calls if listed is calls and all(map(_is_same, completed, listed)) else completed


def _as_list(calls: Any) -> Any:
    """A single call, where a server sends no list, as one; without what are no objects."""
    if isinstance(calls, Mapping):
        return [calls]
    if isinstance(calls, list) and all(isinstance(call, Mapping) for call in calls):
        return calls
    return [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []


def _complete_call(call: Mapping[str, Any], identifier: str) -> Mapping[str, Any]:
    function = call.get("function")
    changes: dict[str, Any] = {} if _is_text(call.get("id")) else {"id": _as_id(call.get("id")) or identifier}
    if not call.get("type"):
        changes["type"] = "function"
    if isinstance(function, Mapping) and not _is_text(function.get("arguments")):
        changes["function"] = {**function, "arguments": dump_arguments(function.get("arguments"))}
    return {**call, **changes} if changes else call


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _as_id(value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def build_call_id(answer_id: object, choice: int, number: int) -> str:
    """An id for a call that came without: the same for the same, and another in each answer that has an id."""
    return "call_" + hashlib.sha256(f"{answer_id}/{choice}/{number}".encode("utf-8", "replace")).hexdigest()[:24]


def _is_same(one: object, other: object) -> bool:
    return one is other


class _Placed(NamedTuple):
    """Where a delta's call belongs, and whether it begins there."""

    number: int
    begins: bool


class _Calls:
    """The tool calls of one choice so far. `wire` is the index that the server wrote, which may mean several calls."""

    __slots__ = ("_by_id", "_latest", "_named", "_of_wire", "_started")

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._of_wire: dict[int, int] = {}
        self._latest: int | None = None
        # By our index: the name, and whether arguments have come.
        self._named: dict[int, str] = {}
        self._started: set[int] = set()

    def place(self, call: Mapping[str, Any], siblings: set[int]) -> _Placed:
        """`siblings` are the indices that the same delta has named already."""
        wire, identifier = read_index(call.get("index")), _as_id(call.get("id")) or call.get("id")
        name = mapping(call.get("function")).get("name")
        name = name if isinstance(name, str) else ""
        known = self._by_id.get(identifier) if isinstance(identifier, str) else None
        current = self._latest if wire is None else self._of_wire.get(wire)
        if known is not None:
            current, begins = known, False
        elif current is None:
            begins = True
        elif identifier:
            # Some servers give every piece an id of its own: a piece without a name goes on with its call.
            begins = bool(name) or current in siblings
        else:
            begins = bool(name) and self._is_other(current, name, wire, siblings)
        return self._begin(wire, identifier, name) if begins or current is None else _Placed(current, False)

    def is_named(self, index: int, name: str) -> bool:
        return self._named.get(index) == name

    def start(self, index: int) -> None:
        """Arguments have come for it."""
        self._started.add(index)

    def _is_other(self, current: int, name: str, wire: int | None, siblings: set[int]) -> bool:
        """Whether a name without an id is another call's than the current one."""
        if current in siblings or wire is None:
            return True
        return current in self._started and self._named.get(current) != name

    def _begin(self, wire: int | None, identifier: object, name: str) -> _Placed:
        if len(self._named) >= MOST_CALLS:
            raise InvalidProviderResponseError("the provider's stream calls too many tools")
        index = wire if wire is not None and wire not in self._named else max(self._named, default=-1) + 1
        self._named[index] = name
        if isinstance(identifier, str) and identifier:
            self._by_id[identifier] = index
        self._of_wire[index if wire is None else wire] = index
        self._latest = index
        return _Placed(index, True)


def read_index(value: object) -> int | None:
    """A call's or a choice's index, which some servers write as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 4:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_CALLS else None


class ChunkRepair:
    """Puts the chunks of one stream in order."""

    __slots__ = ("_answer_id", "_calls", "called")

    def __init__(self) -> None:
        self._calls: dict[int, _Calls] = {}
        self._answer_id: object = None
        # The choices that have called a tool.
        self.called: set[int] = set()

    def repair(self, fields: Mapping[str, Any]) -> list[Any] | None:
        """The chunk's choices as they must be; None where nothing is to be done."""
        choices = fields.get("choices")
        if not isinstance(choices, list):
            return None
        self._answer_id = self._answer_id or fields.get("id")
        repaired = [
            self._repair_choice(choice, position)
            for position, choice in enumerate(choices)
            if isinstance(choice, Mapping)
        ]
        unchanged = len(repaired) == len(choices) and all(map(_is_same, repaired, choices))
        return None if unchanged else repaired

    def _repair_choice(self, choice: Mapping[str, Any], position: int) -> Mapping[str, Any]:
        changes: dict[str, Any] = {}
        index = read_index(choice.get("index"))
        if index is None or index is not choice["index"]:
            changes["index"] = index = position if index is None else index
        delta = choice.get("delta")
        if not isinstance(delta, Mapping) and "text" not in choice:
            # A whole message in a stream, or an event without any: Azure's filter, `delta: null`.
            delta = changes["delta"] = mapping(choice.get("message"))
        if isinstance(delta, Mapping) and delta.get("tool_calls"):
            calls = self._repair_calls(delta["tool_calls"], index)
            if calls is not delta["tool_calls"]:
                changes["delta"] = {**delta, "tool_calls": calls}
        if choice.get("finish_reason") == "":
            changes["finish_reason"] = None
        repaired = {**choice, **changes} if changes else choice
        if "message" in repaired and "text" not in repaired:
            return {name: value for name, value in repaired.items() if name != "message"}
        return repaired

    def _repair_calls(self, calls: Any, choice: int) -> Any:
        listed = _as_list(calls)
        if len(self._calls) >= MOST_CALLS and choice not in self._calls:
            raise InvalidProviderResponseError("the provider's stream has too many choices")
        known, siblings = self._calls.setdefault(choice, _Calls()), set[int]()
        repaired = [self._repair_call(call, known, siblings, choice) for call in listed]
        self.called.add(choice)
        return calls if listed is calls and all(map(_is_same, repaired, listed)) else repaired

    def _repair_call(
        self, call: Mapping[str, Any], known: _Calls, siblings: set[int], choice: int
    ) -> Mapping[str, Any]:
        placed = known.place(call, siblings)
        siblings.add(placed.number)
        changes: dict[str, Any] = {} if call.get("index") is placed.number else {"index": placed.number}
        function = call.get("function")
        if isinstance(function, Mapping):
            fixed = _repair_function(function, placed, known)
            if fixed is not function:
                changes["function"] = fixed
            if function.get("arguments"):
                known.start(placed.number)
        if not placed.begins:
            # Clients add texts up: an id or a name that comes again would be there twice.
            repaired = {**call, **changes} if changes else call
            return {name: value for name, value in repaired.items() if name != "id"} if call.get("id") else repaired
        if not _is_text(call.get("id")):
            own = build_call_id(self._answer_id, choice, placed.number)
            changes["id"] = _as_id(call.get("id")) or own
        if not call.get("type"):
            changes["type"] = "function"
        return {**call, **changes} if changes else call


def _repair_function(function: Mapping[str, Any], placed: _Placed, known: _Calls) -> Mapping[str, Any]:
    arguments, name = function.get("arguments"), function.get("name")
    changes: dict[str, Any] = {}
    if arguments is not None and not isinstance(arguments, str):
        changes["arguments"] = dump_arguments(arguments)
    elif arguments is None and placed.begins:
        changes["arguments"] = ""
    if not placed.begins and isinstance(name, str) and name and known.is_named(placed.number, name):
        return {key: value for key, value in {**function, **changes}.items() if key != "name"}
    return {**function, **changes} if changes else function
