"""Time, ids and dice, handed down so that a test can hold them still."""

import os
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field


def new_id() -> str:
    """A random UUID. An id is no secret, and asking the system for randomness takes longer than routing a call."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def build_dice() -> random.Random:
    """Dice of this process: a child of fork begins a sequence of its own."""
    dice = random.Random()  # noqa: S311  they choose deployments and pauses
    os.register_at_fork(after_in_child=dice.seed)
    return dice


@dataclass(frozen=True)
class Runtime:
    """What the world provides. `now` is Unix seconds, `monotonic` seconds from any start."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    new_id: Callable[[], str] = new_id
    rng: random.Random = field(default_factory=build_dice)
