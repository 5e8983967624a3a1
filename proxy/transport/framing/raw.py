"""No framing: each block of bytes is an event as it comes, and the clean end is an empty one."""

from proxy.domain.wire import Event


class RawDecoder:
    """See Decoder."""

    def feed(self, block: bytes) -> list[Event]:
        return [Event(block)] if block else []

    def finish(self) -> list[Event]:
        """Not called for a body that broke off."""
        return [Event(b"")]
