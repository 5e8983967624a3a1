"""The order of turns, and of the blocks in them, that Converse and each family want.

A conversation begins with a user's turn, documents have text beside them, and tool results come first; most families
take them in a turn of their own only. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

from typing import Any

from proxy.providers.bedrock.families import Family

Block = dict[str, Any]
Turn = dict[str, Any]

# The text of turns that are required and that the client did not send.
NO_TEXT: Block = {"text": "(no text)"}
_RECEIVED: Block = {"text": "(results received)"}
_GO_ON: Block = {"text": "(go on)"}


def arrange_turns(turns: list[Turn], family: Family, *, ends_blank: bool) -> list[Turn]:
    """The turns in an order that the family takes. `ends_blank`: the last message was a user's, perhaps without a word."""
    arranged: list[Turn] = []
    if turns[0]["role"] != "user":
        arranged.append(_turn("user", NO_TEXT))
    for turn in turns:
        arranged.extend(_arrange_user(turn["content"], family) if turn["role"] == "user" else [turn])
    last = arranged[-1]
    if last["role"] == "user":
        return arranged
    if ends_blank or not family.prefill:
        return [*arranged, _turn("user", NO_TEXT if ends_blank else _GO_ON)]
    arranged[-1] = _stripped(last)
    return arranged


def _turn(role: str, *blocks: Block) -> Turn:
    return {"role": role, "content": list(blocks)}


def _arrange_user(blocks: list[Block], family: Family) -> list[Turn]:
    """The turn or turns of these blocks: results first, and apart from all else where the family wants it so."""
    results, others = _split(blocks)
    if any("document" in block for block in others) and not any("text" in block for block in others):
        others.append(NO_TEXT)
    if not results or not others:
        return [_turn("user", *results, *others)]
    if family.mixed_results:
        return [_turn("user", *results, *others)]
    return [_turn("user", *results), _turn("assistant", _RECEIVED), _turn("user", *others)]


def _split(blocks: list[Block]) -> tuple[list[Block], list[Block]]:
    """The tool results and all else; a cache point belongs to the block before it."""
    results: list[Block] = []
    others: list[Block] = []
    place = others
    for block in blocks:
        if "cachePoint" not in block:
            place = results if "toolResult" in block else others
        place.append(block)
    return results, others


def _stripped(turn: Turn) -> Turn:
    """A last assistant's turn is the answer's beginning: no white space at its end."""
    *before, last = turn["content"]
    return {**turn, "content": [*before, {**last, "text": last["text"].rstrip()}]} if "text" in last else turn
