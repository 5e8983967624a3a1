"""Time, ids and dice, handed down so that a test can hold them still."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Runtime:
    """What the world provides. `now` is Unix seconds, `monotonic` seconds from any start."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    rng: random.Random = field(default_factory=random.SystemRandom)
