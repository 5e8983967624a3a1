"""How many descriptors the gateway may open, and how many connections fit into them."""

import resource
from typing import NamedTuple

# Beside connections: listeners, logs, shared files, modules that are imported late, names that are resolved.
RESERVED = 64
# A connection of a client needs one to a provider.
PER_CONNECTION = 2
FEWEST = 16
_ENOUGH = 65_536


class Fit(NamedTuple):
    """`warning` is for the operator, where fewer connections fit than are configured."""

    connections: int
    warning: str | None


def raise_limit() -> int:
    """As many descriptors as the system allows, and the number of them. Workers inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, max(_ENOUGH, soft))
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        return wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def fit(connections: int, descriptors: int) -> Fit:
    """How many of a worker's `connections` its `descriptors` are enough for."""
    fitting = max(FEWEST, (descriptors - RESERVED) // PER_CONNECTION)
    if fitting >= connections:
        return Fit(connections, None)
    return Fit(
        fitting,
        f"{descriptors} descriptors are enough for {fitting} connections of a worker, not for {connections}: raise the limit "
        "(ulimit -n, LimitNOFILE)",
    )
