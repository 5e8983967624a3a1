"""What a guardrail is for the pipeline of a call."""

from typing import Protocol

from proxy.domain.attempt import Outcome
from proxy.domain.call import Call


class Guardrail(Protocol):
    """Runs before and after the model call; both may change what they check, and raise GatewayError to refuse it."""

    def check_request(self, call: Call) -> Call: ...

    def check_answer(self, call: Call, outcome: Outcome) -> Outcome:
        """A stream is checked as it is read: its reply is replaced by one that checks its chunks."""
