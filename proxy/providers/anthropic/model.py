"""What Claude models take and refuse, by their names: data from Anthropic's model overview and migration guides.

https://platform.claude.com/docs/en/about-claude/models/overview
"""

import re
from typing import Literal, NamedTuple

# How a model is told to think: not at all, by a budget of tokens, by an effort (adaptive), or by either.
Thinking = Literal["none", "budget", "adaptive", "either"]
# How it is kept from thinking: it is not asked; it is sent a `thinking` of this type; or it can't be, and thinks little.
Rest = Literal["unasked", "disabled", "between_tools", "never"]


class Model(NamedTuple):
    """`max_tokens`: the longest answer, which is the default when the client sets none.

    `structured`: has output_config.format and strict tools. `efforts`: the levels of output_config.effort.
    `sampling`: takes temperature, top_p and top_k; `one_sampler`: only one of the first two.
    `forced_tools`: a tool_choice may ask for a tool, any or a certain one.
    """

    max_tokens: int = 4096
    thinking: Thinking = "budget"
    rest: Rest = "unasked"
    structured: bool = False
    efforts: tuple[str, ...] = ()
    sampling: bool = True
    one_sampler: bool = False
    forced_tools: bool = True


_TO_MAX = ("low", "medium", "high", "max")
_TO_XHIGH = ("low", "medium", "high", "xhigh", "max")
_LATER_FOURTH = Model(64_000, structured=True, one_sampler=True)
_ADAPTIVE = Model(128_000, "adaptive", structured=True, efforts=_TO_XHIGH, sampling=False)
_FIFTH = _ADAPTIVE._replace(rest="disabled")
_ALWAYS = _ADAPTIVE._replace(rest="never", forced_tools=False)

# The first pattern found in the name wins. Names come as claude-opus-4-6, anthropic.claude-opus-4-6-v1:0 (Bedrock)
# and claude-opus-4-5@20251101 (Vertex); a dot in the version counts as a dash. What is newer than the table is taken
# for the newest of its kind.
_MODELS: tuple[tuple[re.Pattern[str], Model], ...] = tuple(
    (re.compile(pattern), model)
    for pattern, model in (
        (r"claude-(fable|mythos)-5(?!-\d(?!\d))", _ALWAYS._replace(forced_tools=True)),
        (r"claude-(fable|mythos)-", _ALWAYS),
        (r"claude-(opus|sonnet)-5(?!-\d(?!\d))", _FIFTH),
        (r"claude-opus-([5-9]|\d\d)(?!\d)", _ALWAYS),
        (r"claude-sonnet-([5-9]|\d\d)(?!\d)", _ADAPTIVE._replace(rest="between_tools", forced_tools=False)),
        (r"claude-haiku-([5-9]|\d\d)(?!\d)", _FIFTH),
        (r"claude-\w+-4-[7-9](?!\d)", _ADAPTIVE),
        (r"claude-opus-4-6", _LATER_FOURTH._replace(max_tokens=128_000, thinking="either", efforts=_TO_MAX)),
        (r"claude-sonnet-4-6", _LATER_FOURTH._replace(thinking="either", efforts=_TO_MAX)),
        (r"claude-\w+-4-5", _LATER_FOURTH),
        (r"claude-opus-4-1(?!\d)", _LATER_FOURTH._replace(max_tokens=32_000)),
        (r"claude-opus-4", Model(32_000)),
        (r"claude-sonnet-4", Model(64_000)),
        (r"claude-3-7-sonnet", Model(64_000)),
        (r"claude-3-5-", Model(8192, "none")),
        (r"claude-", Model(4096, "none")),
    )
)
_UNKNOWN = Model()


def find_model(name: str) -> Model:
    """The traits of the model of this name; a name that is not Claude's gets the plainest that thinks."""
    plain = name.lower().replace(".", "-")
    return next((model for pattern, model in _MODELS if pattern.search(plain)), _UNKNOWN)
