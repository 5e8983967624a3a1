"""Compressed request bodies, a bounded piece at a time: a small body can't become a huge one, in memory or in time."""

from werkzeug.exceptions import RequestEntityTooLarge

from proxy.errors import BadRequestError
from proxy.transport.decoding import DECODERS, DamagedBodyError, Decoder, MissingDecoderError

CODINGS = ("gzip", "deflate", "zstd", "br")
# A body may have so many plain bytes, and beyond them so many for each compressed one: JSON becomes 5 to 20 times smaller.
_FREE_BYTES = 2**20
MAX_RATIO = 100


def decompress(body: bytes, coding: str, limit: int) -> bytes:
    """The plain body. `coding` is a Content-Encoding, `limit` the most plain bytes.

    Raise BadRequestError for an unknown coding (415), and for what is damaged or compressed too much; RequestEntityTooLarge
    beyond the limit.
    """
    decoder = _find_decoder(coding.strip().lower())
    bound = _FREE_BYTES + MAX_RATIO * len(body)
    pieces, length = [], 0
    try:
        for piece in decoder(body):
            length += len(piece)
            if length > limit:
                raise RequestEntityTooLarge
            if length > bound:
                raise _wrong(f"The body is compressed more than {MAX_RATIO} times.")
            pieces.append(piece)
    except DamagedBodyError:
        raise _wrong(f"The body is not whole, or not {coding[:20]}.") from None
    except MissingDecoderError:
        raise BadRequestError(
            f"{coding} is not installed here: send gzip or zstd.", param="content-encoding", status_code=415
        ) from None
    return b"".join(pieces)


def _find_decoder(coding: str) -> Decoder:
    found = DECODERS.get(coding)
    if found is None:
        raise BadRequestError(
            f"The content encoding must be one of {', '.join(CODINGS)}.", param="content-encoding", status_code=415
        )
    return found


def _wrong(message: str) -> BadRequestError:
    return BadRequestError(message, param="request_body")
