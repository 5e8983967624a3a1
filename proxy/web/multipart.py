"""A form with files (multipart/form-data) as it comes: files are spooled, everything is bounded, nothing is held twice.

werkzeug's decoder finds the parts. https://www.rfc-editor.org/rfc/rfc7578
"""

import re
import secrets
from collections.abc import Iterator
from typing import NamedTuple

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from proxy.domain.upload import Upload, UploadedFile
from proxy.errors import BadRequestError, RequestTooLargeError
from proxy.host.spool import Spool

TYPE = "multipart/form-data"
MOST_PARTS = 128
# Of a part that is no file. OpenAI's longest prompt has 32,000 characters.
LONGEST_FIELD = 1024 * 1024
_LONGEST_NAME = 200
_BLOCK = 64 * 1024
# What is not a file's content must fit here between two blocks: the headers of a part, and what precedes the first.
_LONGEST_HEADERS = 4 * _BLOCK
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_OCTETS = "application/octet-stream"


class TextPart(NamedTuple):
    """A part that is no file. `name` is as it came, brackets and all."""

    name: str
    value: str


class ReceivedForm(NamedTuple):
    texts: list[TextPart]
    upload: Upload


def read_form(request: Request, limit: int) -> ReceivedForm:
    """The whole form, of at most `limit` bytes.

    Raise BadRequestError, naming the part, for a form that is not one; RequestTooLargeError; ClientDisconnected.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise BadRequestError("A multipart body needs a boundary of 1 to 70 characters.", param="content-type")
    form = _Form()
    decoder = MultipartDecoder(boundary.encode(), _LONGEST_HEADERS, max_parts=MOST_PARTS)
    try:
        for block in _blocks(request, limit):
            decoder.receive_data(block)
            form.take(decoder)
        decoder.receive_data(None)
        form.take(decoder)
    except RequestEntityTooLarge:
        message = f"The form has more than {MOST_PARTS} parts, or a part with too long a head."
        raise BadRequestError(message, param="request_body") from None
    except ValueError:
        raise BadRequestError("The body is not a complete multipart form.", param="request_body") from None
    finally:
        form.close()
    return ReceivedForm(form.texts, Upload(form.files, f"patchbay-{secrets.token_hex(24)}"))


def _blocks(request: Request, limit: int) -> Iterator[bytes]:
    """The body's bytes. Raise ClientDisconnected where it ends before its length."""
    source, length, received = request.environ["wsgi.input"], request.content_length, 0
    if length is not None and length > limit:
        raise _too_large(limit)
    while length is None or received < length:
        block = source.read(_BLOCK if length is None else min(_BLOCK, length - received))
        if not block:
            break
        received += len(block)
        if received > limit:
            raise _too_large(limit)
        yield block
    if length is not None and received < length:
        raise ClientDisconnected


def _too_large(limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(
        f"The upload is larger than the {limit / 2**20:g} MB that are allowed here.", code="request_too_large"
    )


class _Form:
    """The parts so far, and the one that is being read."""

    def __init__(self) -> None:
        self.texts: list[TextPart] = []
        self.files: list[UploadedFile] = []
        self._head: Field | File | None = None
        self._spool: Spool | None = None
        self._text = bytearray()

    def take(self, decoder: MultipartDecoder) -> None:
        """All events that the decoder has by now."""
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            if isinstance(event, Field | File):
                self._begin(event)
            elif isinstance(event, Data):
                self._write(event.data)
                if not event.more_data:
                    self._finish()

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _begin(self, head: Field | File) -> None:
        if (
            not isinstance(head.name, str)
            or not head.name
            or len(head.name) > _LONGEST_NAME
            or _UNSAFE.search(head.name)
        ):
            raise BadRequestError("A part of the form has no name, or a bad one.", param="request_body")
        self._head = head
        if isinstance(head, File):
            check_filename(head.filename, plain_name(head.name))
            self._spool = Spool()
        else:
            self._text = bytearray()

    def _write(self, data: bytes) -> None:
        if self._spool is not None:
            self._spool.write(data)
            return
        self._text += data
        if len(self._text) > LONGEST_FIELD:
            name = plain_name(self._head.name if self._head else "")
            raise BadRequestError(f"The field '{name}' has more than {LONGEST_FIELD} bytes.", param=name)

    def _finish(self) -> None:
        head, spool, self._spool = self._head, self._spool, None
        assert head is not None
        if spool is None:
            self.texts.append(TextPart(head.name, _decode(bytes(self._text), head.name)))
            return
        assert isinstance(head, File)
        given = head.headers.get("content-type", "")
        media_type = given.partition(";")[0].strip()
        content_type = media_type if _MEDIA_TYPE.fullmatch(media_type) else _OCTETS
        self.files.append(UploadedFile(plain_name(head.name), head.filename, content_type, spool.finish()))


def plain_name(name: str) -> str:
    """`image` of `image[]`."""
    return name.removesuffix("[]")


def check_filename(name: str, field: str) -> None:
    """Raise BadRequestError for a name that is a path, or holds what a header can't."""
    if (
        not name
        or len(name) > _LONGEST_NAME
        or _UNSAFE.search(name)
        or "/" in name
        or "\\" in name
        or name in (".", "..")
    ):
        raise BadRequestError(f"The file of '{field}' has no plain file name.", param=field)


def _decode(text: bytes, name: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise BadRequestError(f"The field '{plain_name(name)}' is not UTF-8.", param=plain_name(name)) from None
