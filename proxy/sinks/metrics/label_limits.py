"""How many values the labels of metrics may take: clients can invent model names, and each value is a series for ever."""

from collections import defaultdict

LABEL_VALUES = 100
# What the rest is counted as.
OTHER = "other"


class Bounds:
    """The first LABEL_VALUES values of each label, in all metrics alike."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def of(self, label: str, value: str) -> str:
        """The value, or OTHER."""
        seen = self._seen[label]
        if value in seen:
            return value
        if len(seen) >= LABEL_VALUES:
            return OTHER
        seen.add(value)
        return value
