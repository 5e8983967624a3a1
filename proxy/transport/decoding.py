"""Content codings of whole bodies, decoded a piece at a time: what a coding becomes is bounded by the piece."""

from collections.abc import Callable, Iterator
from io import BytesIO

from requests.exceptions import ContentDecodingError

from proxy.transport.http1.inflate import Inflater

_PIECE = 256 * 1024
# RFC 9659: no decoder for this coding needs a larger window.
_ZSTD_WINDOW = 8 * 2**20

# The plain bytes in pieces of at most 256 KiB, made as they are asked for.
Decoder = Callable[[bytes], Iterator[bytes]]


class DamagedBodyError(ValueError):
    """The body is not whole, or not of this coding."""


class MissingDecoderError(RuntimeError):
    """The package that decodes is an extra, and not installed."""


def _inflate(body: bytes) -> Iterator[bytes]:
    inflater = Inflater()
    try:
        yield from inflater.feed(body)
        inflater.finish()
    except ContentDecodingError as error:
        raise DamagedBodyError from error


def _decode_zstd(body: bytes) -> Iterator[bytes]:
    """A body that is cut ends early: what remains is no JSON."""
    import zstandard  # noqa: PLC0415  only where a client compresses like this

    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    try:
        with decoder.stream_reader(BytesIO(body), read_across_frames=True) as reader:
            while piece := reader.read(_PIECE):
                yield piece
    except zstandard.ZstdError as error:
        raise DamagedBodyError from error


def _decode_brotli(body: bytes) -> Iterator[bytes]:
    try:
        import brotli  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise MissingDecoderError from None
    decoder = brotli.Decompressor()
    try:
        piece = decoder.process(body, output_buffer_limit=_PIECE)
        while piece or not decoder.can_accept_more_data():
            yield piece
            piece = decoder.process(b"", output_buffer_limit=_PIECE)
    except brotli.error as error:
        raise DamagedBodyError from error
    if not decoder.is_finished():
        raise DamagedBodyError


DECODERS: dict[str, Decoder] = {
    "gzip": _inflate,
    "x-gzip": _inflate,
    "deflate": _inflate,
    "zstd": _decode_zstd,
    "br": _decode_brotli,
}
