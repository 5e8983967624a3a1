"""What each family of models on Bedrock takes of Converse: a table, a row a family, with its source.

Forced tools: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html
Structured outputs: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html and
  https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-structured-outputs.html
Tools and system prompts:
  https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
Status of a tool result: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html
"""

from typing import NamedTuple


class Family(NamedTuple):
    """One row: the prefixes of its models' names, and what they take.

    forced: the members of toolChoice besides `auto` that it takes.
    structured: a schema for the answer (outputConfig) and strict tools.
    tools: a toolConfig at all.
    mixed_results: text beside tool results in one turn, and a status in a tool result.
    system: system prompts.
    prefill: a conversation that ends with an assistant's turn.
    """

    prefixes: tuple[str, ...]
    forced: frozenset[str] = frozenset()
    structured: bool = False
    tools: bool = True
    mixed_results: bool = False
    status: bool = False
    system: bool = True
    prefill: bool = False


_ANY, _BOTH = frozenset({"any"}), frozenset({"any", "tool"})
_CLAUDE = Family(("anthropic.",), _BOTH, mixed_results=True, status=True, prefill=True)

# The first row with a prefix of the model's name. Vendors whose page does not mention forced tools are not forced.
_FAMILIES: tuple[Family, ...] = (
    # AWS lists these Claudes; it answers "not permitted" for later ones, whose structured outputs Anthropic has.
    _CLAUDE._replace(
        prefixes=tuple(f"anthropic.claude-{name}" for name in ("sonnet-4-5", "haiku-4-5", "opus-4-5", "opus-4-6")),
        structured=True,
    ),
    _CLAUDE,
    Family(("amazon.nova",), _BOTH, status=True, prefill=True),
    Family(("amazon.titan",), tools=False, system=False),
    # https://github.com/langchain-ai/langchain-aws/issues/1278: tried with all sizes.
    Family(("openai.",), _BOTH, structured=True),
    # https://github.com/langchain-ai/langchain-aws/pull/1261: `tool` is taken and not obeyed.
    Family(("deepseek.v3",), _ANY, structured=True),
    Family(("deepseek.r1",), tools=False),
    Family(("mistral.mistral-large-3",), _ANY, structured=True),
    Family(("mistral.mistral-large",), _ANY),
    Family(("mistral.magistral", "mistral.ministral-3", "mistral.voxtral"), structured=True),
    Family(("mistral.mistral-7b", "mistral.mixtral"), tools=False, system=False),
    # https://github.com/epam/ai-dial-adapter-bedrock/issues/181
    Family(("meta.llama2", "meta.llama3-8b", "meta.llama3-70b", "meta.llama3-2-1b", "meta.llama3-2-3b"), tools=False),
    Family(("cohere.command-text", "cohere.command-light", "ai21.j2"), tools=False, system=False),
    Family(("ai21.jamba-instruct",), tools=False),
    Family(
        ("qwen.qwen3", "google.gemma-3", "minimax.", "moonshot", "nvidia.", "zai."),
        structured=True,
    ),
)
_PLAIN = Family(())


def find_family(name: str) -> Family:
    """The row of a model by its name from the vendor on; what no row has takes the least."""
    return next((family for family in _FAMILIES if name.startswith(family.prefixes)), _PLAIN)
