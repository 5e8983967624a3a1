"""How many values the labels of metrics may take, and how long: clients can invent names, and each value is a series for
ever."""

from collections import defaultdict
from collections.abc import Iterable

# Of each label, beside the values of the configuration.
LABEL_VALUES = 100
# Combinations of values in one metric.
FAMILY_CHILDREN = 1000
LABEL_LENGTH = 128
# What the rest is counted as.
OTHER = "other"
# A model that the configuration does not have, and what belongs to a client's own configuration or connection.
UNKNOWN = "unknown"
CLIENT = "client"


class Bounds:
    """The configured values and the first LABEL_VALUES others of each label, in all metrics alike."""

    def __init__(self) -> None:
        self._configured: defaultdict[str, set[str]] = defaultdict(set)
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def allow(self, label: str, values: Iterable[str]) -> None:
        """Values that the operator has configured: they have their place whatever clients send."""
        self._configured[label].update(value for value in values if len(value) <= LABEL_LENGTH)

    def of(self, label: str, value: str) -> str:
        """The value, or OTHER."""
        seen = self._seen[label]
        if value in seen or value in self._configured[label]:
            return value
        if len(seen) >= LABEL_VALUES or len(value) > LABEL_LENGTH:
            return OTHER
        seen.add(value)
        return value
