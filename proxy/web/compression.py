"""Large answers, compressed for clients that accept it. Streams never are: their pieces have to leave at once."""

import zlib
from collections.abc import Callable

from flask import Request, Response

# A level that costs a few milliseconds for a megabyte; higher ones save little of JSON.
_GZIP_LEVEL, _ZSTD_LEVEL = 1, 1
_GZIP = 16 + zlib.MAX_WBITS
_SMALLER = 0.9


def compress_answer(request: Request, response: Response) -> Response:
    """The answer, or a smaller one. `response.response` is a list with one piece."""
    body = response.get_data()
    if "Content-Encoding" in response.headers:
        return response
    coding = _choose(request)
    if coding is None:
        return response
    packed = _COMPRESSORS[coding](body)
    if len(packed) > _SMALLER * len(body):
        return response
    headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
    smaller = Response(packed, response.status_code, headers)
    smaller.headers["Content-Encoding"] = coding
    smaller.headers.add("Vary", "Accept-Encoding")
    smaller.call_on_close(response.close)
    return smaller


def _choose(request: Request) -> str | None:
    """The coding that the client likes best; zstd where it likes both."""
    accepted = request.accept_encodings
    quality, coding = max((accepted.quality(name), name) for name in _COMPRESSORS)
    return coding if quality > 0 else None


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)
    return compressor.compress(body) + compressor.flush()


def _zstd(body: bytes) -> bytes:
    import zstandard  # noqa: PLC0415  only where a client asks for it

    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)


_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {"gzip": _gzip, "zstd": _zstd}
