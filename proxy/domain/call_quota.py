"""What a call has reserved of its limits and budgets, as the pipeline and the answer's headers use it."""

from collections.abc import Sequence
from typing import Protocol


class CallQuota(Protocol):
    """It ends once, by `settle` or `release`: what comes later changes nothing."""

    def settle(self, tokens: int | None, nanodollars: int | None) -> int:
        """The call has ended and used so much; None: the estimate stands. The nano-dollars that are counted."""

    def release(self) -> None:
        """The call was never sent."""

    def headers(self) -> Sequence[tuple[str, str]]:
        """The limits, and what remains of them now."""
