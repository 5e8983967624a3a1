"""How much of a request Anthropic's structured outputs take: unions, optional parameters and strict tools.

The format and all strict tools of a request share the limits. What goes beyond them is asked for in another form: a
format by a tool, a tool without `strict`.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs#schema-complexity-limits
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from proxy.providers.anthropic.schema import Schema, list_definitions, order_definitions, walk

MAX_UNIONS = 16
MAX_OPTIONAL = 24
MAX_TOOLS = 20
# Sums stop here: a chain of definitions that each name the next twice doubles at every step.
_CEILING = 1000


class Complexity(NamedTuple):
    """The parameters of a schema that are of several types, and those that may be missing."""

    unions: int = 0
    optional: int = 0

    def plus(self, other: "Complexity", times: int = 1) -> "Complexity":
        unions, optional = self.unions + other.unions * times, self.optional + other.optional * times
        return Complexity(min(unions, _CEILING), min(optional, _CEILING))

    @property
    def is_too_much(self) -> bool:
        return self.unions > MAX_UNIONS or self.optional > MAX_OPTIONAL


NOTHING = Complexity()


class StrictBudget:
    """What is left for strict tools, tool by tool."""

    def __init__(self, spent: Complexity = NOTHING) -> None:
        self._spent = spent
        self._tools = 0

    def take(self, schema: Schema) -> bool:
        """True if a tool of this schema still fits; it is counted then."""
        total = self._spent.plus(measure(schema))
        if self._tools == MAX_TOOLS or total.is_too_much:
            return False
        self._spent, self._tools = total, self._tools + 1
        return True


def measure(schema: Schema) -> Complexity:
    """The complexity of a schema that is not recursive, each definition counted wherever it is named."""
    definitions = list_definitions(schema)
    costs: dict[str, Complexity] = {}
    for name in order_definitions(schema) or ():
        costs[name] = _with_definitions(walk(definitions[name]), costs)
    named = _with_definitions(walk(schema, definitions=False), costs)
    written = _with_definitions(walk(schema), {})
    return Complexity(max(named.unions, written.unions), max(named.optional, written.optional))


def _with_definitions(parts: Iterable[tuple[Schema, int]], costs: Mapping[str, Complexity]) -> Complexity:
    total = NOTHING
    names: Counter[str] = Counter()
    for part, _ in parts:
        total = total.plus(_own(part))
        if isinstance(part.get("$ref"), str):
            names[part["$ref"]] += 1
    for name, times in names.items():
        total = total.plus(costs.get(name, NOTHING), times)
    return total


def _own(part: Schema) -> Complexity:
    is_union = isinstance(part.get("type"), list) or "anyOf" in part or "oneOf" in part
    properties, required = part.get("properties"), part.get("required")
    names = set(properties) if isinstance(properties, Mapping) else set()
    if isinstance(required, list):
        names -= {name for name in required if isinstance(name, str)}
    return Complexity(int(is_union), len(names))
