"""The media type of a file in a message: what its first bytes show, else what was declared, in one spelling.

Clients declare wrong types (a JPEG as image/png), buckets none (S3's binary/octet-stream), and providers refuse both.
The signatures: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern and RFC 8118 (PDF).
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import urlsplit

# Declared where nothing is known.
_UNKNOWN = frozenset({
    "", "*/*", "application/octet-stream", "binary/octet-stream", "application/binary", "application/x-binary",
    "application/x-download", "application/force-download", "application/unknown", "image/*",
})  # fmt: skip
OCTETS = "application/octet-stream"
_CANONICAL: Mapping[str, str] = {
    "image/jpg": "image/jpeg",
    "image/jpe": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/x-webp": "image/webp",
    "image/x-ms-bmp": "image/bmp",
    "image/tif": "image/tiff",
    "application/x-pdf": "application/pdf",
    "application/acrobat": "application/pdf",
    "text/pdf": "application/pdf",
    "text/x-pdf": "application/pdf",
    "text/x-markdown": "text/markdown",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-pn-wav": "audio/wav",
    "audio/x-mp3": "audio/mp3",
    "audio/mpeg3": "audio/mp3",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-m4a": "audio/m4a",
    "audio/x-aac": "audio/aac",
}
# The beginnings that no other kind of file has: they outweigh what was declared.
_CERTAIN: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)
# Types that count only where nothing else is known of a file.
_LIKELY: tuple[tuple[bytes, str], ...] = (
    (b"BM", "image/bmp"),
    (b"ID3", "audio/mp3"),
    (b"\xff\xfb", "audio/mp3"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
# `RIFF....` and `....ftyp` are containers: the word at byte 8 is the kind.
_RIFF: Mapping[bytes, str] = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}
_BRANDS: Mapping[bytes, str] = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"msf1": "image/heif",
    b"avif": "image/avif", b"avis": "image/avif",
}  # fmt: skip
# By the ending of a file's name.
_ENDINGS: Mapping[str, str] = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "heic": "image/heic",
    "heif": "image/heif", "gif": "image/gif", "wav": "audio/wav", "mp3": "audio/mp3", "aiff": "audio/aiff",
    "aac": "audio/aac", "ogg": "audio/ogg", "flac": "audio/flac", "m4a": "audio/m4a", "opus": "audio/opus",
    "mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpg", "mov": "video/mov", "avi": "video/avi",
    "flv": "video/x-flv", "webm": "video/webm", "wmv": "video/wmv", "3gp": "video/3gpp", "pdf": "application/pdf",
    "txt": "text/plain", "md": "text/markdown", "html": "text/html", "css": "text/css", "csv": "text/csv",
    "xml": "text/xml", "rtf": "text/rtf", "js": "text/javascript", "py": "text/x-python", "json": "application/json",
}  # fmt: skip
# Base64 letters that hold the bytes looked at.
_LETTERS = 32


def find_media_type(declared: str, data: str) -> str:
    """The type of base64 `data`; application/octet-stream where neither its bytes nor `declared` show one."""
    declared = canonical_type(declared)
    known = declared not in _UNKNOWN
    found = _sniff(_beginning(data), known=known)
    return found or (declared if known else OCTETS)


def canonical_type(declared: str) -> str:
    """`image/jpeg` of `image/JPG; q=1`: no parameters, small letters, one name for each type."""
    plain = declared.partition(";")[0].strip().lower()
    return _CANONICAL.get(plain, plain)


def guess_media_type(name: str) -> str | None:
    """By the ending of a file's name or a URL's path."""
    path = urlsplit(name).path if "://" in name else name
    return _ENDINGS.get(path.rpartition(".")[2].lower())


def is_known_type(declared: str) -> bool:
    """False for what is declared of anything, as buckets do."""
    return canonical_type(declared) not in _UNKNOWN


def _sniff(head: bytes, *, known: bool) -> str | None:
    for start, media_type in _CERTAIN if known else (*_CERTAIN, *_LIKELY):
        if head.startswith(start):
            return media_type
    if head[:4] == b"RIFF":
        found = _RIFF.get(head[8:12])
        return found if found == "image/webp" or not known else None
    if head[4:8] == b"ftyp":
        brand = _BRANDS.get(head[8:12])
        return brand or (None if known else "video/mp4")
    return None


def _beginning(data: str) -> bytes:
    """The first bytes of base64, also of the URL alphabet or with line breaks."""
    letters = "".join(data[: 2 * _LETTERS].split()).translate({45: 43, 95: 47})[:_LETTERS].rstrip("=")
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""
