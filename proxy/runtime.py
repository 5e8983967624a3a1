"""Time, ids and randomness, injected so that a test controls them."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# The version and variant bits of a UUID (RFC 9562), and the others.
_VERSION_4 = 4 << 76 | 2 << 62
_FREE = (1 << 128) - 1 - (15 << 76 | 3 << 62)


def new_id() -> str:
    """A random UUID. An id is no secret, and asking the system for randomness takes longer than routing a call."""
    digits = f"{random.getrandbits(128) & _FREE | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def build_dice() -> random.Random:
    """Dice of this process: a child of fork begins a sequence of its own."""
    rng = random.Random()  # noqa: S311  it chooses deployments and pauses
    os.register_at_fork(after_in_child=rng.seed)
    return rng


@dataclass(frozen=True)
class Runtime:
    """What the world provides. `now` is Unix seconds, `monotonic` seconds from any start."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    new_id: Callable[[], str] = new_id
    rng: random.Random = field(default_factory=build_dice)
