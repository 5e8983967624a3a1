"""An answer that is a file, such as speech: passed on as it comes, with its own content type."""

import re
from collections.abc import Iterator

from proxy.domain.answer import StreamEnd, StreamReply
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.gateway.served import StreamEnding

# A browser must not make a page or a script of it.
NO_SNIFFING = [("x-content-type-options", "nosniff")]
_OCTETS = "application/octet-stream"
_SAFE = re.compile(
    r"(?:audio|image|video)/[A-Za-z0-9.+-]{1,60}(?:; ?[A-Za-z0-9-]{1,30}=[A-Za-z0-9.-]{1,30}){0,4}"
    r"|application/(?:octet-stream|ogg|x-subrip)|text/(?:plain|vtt|srt)(?:; ?charset=[A-Za-z0-9-]{1,20})?"
)
_SCRIPTS = ("image/svg",)


def safe_type(content_type: str) -> str:
    """The provider's content type; octets for one that a browser would run, or that is none."""
    known = _SAFE.fullmatch(content_type) and not content_type.startswith(_SCRIPTS)
    return content_type if known else _OCTETS


class BrokenAnswerError(ConnectionError):
    """The provider broke off in the middle of a file: the client's connection must end, too."""


class ByteStream:
    """The server calls `close` when the client leaves, and always at the end."""

    def __init__(self, reply: StreamReply, ending: StreamEnding) -> None:
        self._reply = reply
        self._ending: StreamEnding | None = ending
        self._usage: Usage | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Raise BrokenAnswerError where the file breaks: nothing else shows a client that it has half of one."""
        try:
            for batch in self._reply.chunks:
                for chunk in batch:
                    self._usage = chunk.usage or self._usage
                    if chunk.data:
                        yield chunk.data
        except GatewayError as error:
            self._end(error)
            raise BrokenAnswerError("the provider broke off") from None
        self._end(None)

    def close(self) -> None:
        self._reply.close()
        self._end(ClientClosedRequestError("The client closed the connection."))

    def _end(self, error: GatewayError | None) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.finish(StreamEnd(self._usage or self._reply.spent(), error))
