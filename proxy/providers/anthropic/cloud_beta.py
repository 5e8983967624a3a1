"""Which of Anthropic's betas other clouds take: they refuse a request that names one that they don't know.

https://platform.claude.com/docs/en/build-with-claude/claude-on-amazon-bedrock-legacy, .../claude-on-vertex-ai and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Cloud(NamedTuple):
    """`takes`: the betas that pass. `renamed`: those that have another name there.

    `refused`: the members of a body that only Anthropic's own endpoint has.
    """

    takes: frozenset[str]
    renamed: Mapping[str, str]
    refused: frozenset[str]

    def fit(self, betas: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
        """(the betas to send, the names of those left out)"""
        asked = list(betas)
        sent = [self.renamed.get(name, name) for name in asked if name in self.takes or name in self.renamed]
        return list(dict.fromkeys(sent)), tuple(name for name in asked if name not in self.takes | self.renamed.keys())


_TOOL_SEARCH = "tool-search-tool-2025-10-19"
_RENAMED = {"advanced-tool-use-2025-11-20": _TOOL_SEARCH}
_ANTHROPICS_ONLY = frozenset(
    {"service_tier", "inference_geo", "container", "mcp_servers", "speed", "safeguards", "thread"}
)

BEDROCK = Cloud(
    frozenset(
        {
            "compact-2026-01-12",
            "computer-use-2025-01-24",
            "computer-use-2025-11-24",
            "context-1m-2025-08-07",
            "context-management-2025-06-27",
            "dangerous-tool-use-2026-09-03",
            "effort-2025-11-24",
            "fine-grained-tool-streaming-2025-05-14",
            "interleaved-thinking-2025-05-14",
            "mid-conversation-output-config-2026-07-01",
            "mid-conversation-tool-changes-2026-07-01",
            "thinking-binding-controls-2026-08-01",
            "thinking-display-updates-2026-08-18",
            "tool-examples-2025-10-29",
            _TOOL_SEARCH,
        }
    ),
    _RENAMED,
    _ANTHROPICS_ONLY,
)
VERTEX = Cloud(
    frozenset(
        {
            "compact-2026-01-12",
            "compact-2026-09-04",
            "computer-use-2025-01-24",
            "computer-use-2025-11-24",
            "context-1m-2025-08-07",
            "context-management-2025-06-27",
            "dangerous-tool-use-2026-09-03",
            "interleaved-thinking-2025-05-14",
            "per-turn-control-2026-07-01",
            "thinking-binding-controls-2026-08-01",
            "thinking-display-updates-2026-08-18",
            "web-search-2025-03-05",
            _TOOL_SEARCH,
        }
    ),
    _RENAMED,
    _ANTHROPICS_ONLY,
)
