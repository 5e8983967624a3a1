"""Input items as chat messages: what the model said together is one assistant message, outputs of tools follow it."""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.responses.content import Part, content_of, join_texts, read_parts
from proxy.dialects.responses.tools import SEARCH_NAME, custom_arguments, find_chat_name
from proxy.domain.conversation import REASONING_PREFIX
from proxy.domain.json_text.codec import dumps
from proxy.domain.sealing import Sealer
from proxy.errors import BadRequestError

Item = Mapping[str, Any]

# What a hosted tool did, told by its provider for itself: the model's text has the result.
_HOSTED = frozenset(
    "web_search_call file_search_call code_interpreter_call image_generation_call mcp_list_tools mcp_call "
    "mcp_approval_request mcp_approval_response".split()
)
# Without these the conversation would be another one.
_INDISPENSABLE = frozenset({"compaction", "compaction_trigger", "context_compaction"})
# They bring tools (tools.py) or settings, no words.
_WORDLESS = frozenset({"additional_tools", "configuration_update"})
# The members of a chat message that sealed reasoning holds.
SEALED_MEMBERS = ("reasoning_content", "thinking_blocks", "reasoning_details", "provider_specific_fields")


class Messages:
    """Collects the messages of one request. `sealer` opens the reasoning that the gateway has sealed; None: it is left
    out. `left_out` names what has no place."""

    def __init__(self, sealer: Sealer | None) -> None:
        self.messages: list[dict[str, Any]] = []
        self.left_out: list[str] = []
        self._sealer = sealer
        # The assistant message that is being collected, and the media of the tools' outputs behind it.
        self._assistant: dict[str, Any] | None = None
        self._media: list[Part] = []

    def add_instructions(self, instructions: Any) -> None:
        if isinstance(instructions, str) and instructions:
            self._add({"role": "system", "content": instructions})
        elif isinstance(instructions, list):
            self.add_items(instructions, "instructions")

    def add_items(self, items: Any, place: str = "input") -> None:
        """Raise BadRequestError, naming the place, for an item without which the conversation would be another one."""
        if isinstance(items, str):
            self._add({"role": "user", "content": items})
        for index, item in enumerate(items if isinstance(items, list) else ()):
            here = f"{place}[{index}]"
            if isinstance(item, str):
                self._add({"role": "user", "content": item})
            elif isinstance(item, Mapping):
                self._add_item(item, here)
            else:
                raise BadRequestError(f"An item is not an object ({here})", param=here)

    def finish(self) -> list[dict[str, Any]]:
        self._close()
        return self.messages

    def _add_item(self, item: Item, place: str) -> None:
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            self._add_message(item, place)
        elif kind == "reasoning":
            self._add_reasoning(item)
        elif kind in _HOSTED or kind == "item_reference":
            self.left_out.append(f"input.{kind}")
        elif kind in _INDISPENSABLE:
            raise BadRequestError(f"'{kind}' is not available for this model.", param=f"{place}.type")
        elif isinstance(kind, str) and kind.endswith("_call"):
            self._add_call(item, kind, place)
        elif isinstance(kind, str) and kind.endswith("_output"):
            self._add_output(item, kind, place)
        elif kind not in _WORDLESS:
            self.left_out.append(f"input.{kind}")

    def _add_message(self, item: Item, place: str) -> None:
        parts = read_parts(item.get("content"), f"{place}.content")
        role = item.get("role") or "user"
        if role == "assistant":
            self._say(parts)
        elif role in ("system", "developer"):
            self._add({"role": role, "content": content_of([part for part in parts if part["type"] == "text"])})
        elif role == "user":
            self._add({"role": role, "content": content_of(parts)})
        else:
            raise BadRequestError(
                f"A message's role is user, assistant, system or developer, not '{role}'", param=f"{place}.role"
            )

    def _say(self, parts: list[Part]) -> None:
        """A text of the model's. A second one is a message of its own."""
        opened = self._open()
        if opened.get("content") is not None and not opened.get("tool_calls"):
            self._close()
            opened = self._open()
        text = join_texts(parts)
        opened["content"] = f"{opened.get('content') or ''}{text}"
        refusals = [part["refusal"] for part in parts if part["type"] == "refusal"]
        if refusals:
            opened["refusal"] = "".join(refusals)

    def _add_reasoning(self, item: Item) -> None:
        """Reasoning begins an assistant's turn; what another gateway or provider has encrypted can't be read."""
        sealed = item.get("encrypted_content")
        found = None
        if isinstance(sealed, str) and self._sealer is not None:
            found = self._sealer.open(REASONING_PREFIX, sealed)
        found = found if isinstance(found, Mapping) else {}
        opened = self._assistant
        if opened is not None and not found.get("late") and (opened.get("content") or opened.get("tool_calls")):
            self._close()
        if found:
            message = self._open()
            for name in SEALED_MEMBERS:
                if name in found:
                    message[name] = _joined(message.get(name), found[name])

    def _add_call(self, item: Item, kind: str, place: str) -> None:
        call_id = item.get("call_id") or item.get("id")
        if not isinstance(call_id, str):
            raise BadRequestError(f"A call has no call_id ({place})", param=f"{place}.call_id")
        name, arguments = _read_call(item, kind, place)
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        opened = self._open()
        opened.setdefault("tool_calls", []).append(call)
        opened.setdefault("content", None)

    def _add_output(self, item: Item, kind: str, place: str) -> None:
        """Text goes into chat's tool message; images and files follow all outputs in a user's message."""
        call_id = item.get("call_id")
        if not isinstance(call_id, str):
            raise BadRequestError(f"An output has no call_id ({place})", param=f"{place}.call_id")
        self._close_assistant()
        output = item.get("tools") if kind == "tool_search_output" else item.get("output")
        if kind == "tool_search_output" or not isinstance(output, str | list | None):
            output = dumps(_names_of(output) if kind == "tool_search_output" else output).decode()
        parts = read_parts(output, f"{place}.output")
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": join_texts(parts, "\n")})
        media = [part for part in parts if part["type"] not in ("text", "refusal")]
        if media:
            self._media += [{"type": "text", "text": f"The output of {call_id}:"}, *media]

    def _open(self) -> dict[str, Any]:
        if self._assistant is None:
            self._close()
            self._assistant = {"role": "assistant"}
        return self._assistant

    def _add(self, message: dict[str, Any]) -> None:
        self._close()
        self.messages.append(message)

    def _close(self) -> None:
        self._close_assistant()
        if self._media:
            self.messages.append({"role": "user", "content": self._media})
            self._media = []

    def _close_assistant(self) -> None:
        opened, self._assistant = self._assistant, None
        if opened is not None and (opened.get("content") is not None or opened.get("tool_calls")):
            self.messages.append(opened)


def _read_call(item: Item, kind: str, place: str) -> tuple[str, str]:
    """(a function's name, its arguments as text) of a call of any kind."""
    if kind == "function_call":
        name, arguments = item.get("name"), item.get("arguments")
    elif kind == "custom_tool_call":
        name, arguments = item.get("name"), custom_arguments(str(item.get("input") or ""))
    elif kind == "tool_search_call":
        name, arguments = SEARCH_NAME, item.get("arguments")
    else:
        name, arguments = kind.removesuffix("_call"), item.get("action") or item.get("operation")
    if not isinstance(name, str) or not name:
        raise BadRequestError(f"A call has no name ({place})", param=f"{place}.name")
    namespace = item.get("namespace")
    text = arguments if isinstance(arguments, str) else dumps(arguments or {}).decode()
    return find_chat_name(name, namespace if isinstance(namespace, str) else None), text


def _names_of(tools: Any) -> Mapping[str, Any]:
    found = [tool.get("name") for tool in tools or () if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    return {"loaded_tools": found}


def _joined(earlier: Any, later: Any) -> Any:
    if isinstance(earlier, str) and isinstance(later, str):
        return f"{earlier}\n\n{later}"
    return [*earlier, *later] if isinstance(earlier, list) and isinstance(later, list) else later
