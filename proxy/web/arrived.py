"""A body that came together with its head: gunicorn holds it already, so nobody has to be waited for."""

from typing import Any

from gunicorn.http.body import LengthReader


def take_arrived(source: Any, length: int) -> bytes | None:
    """All of the `length` bytes that are announced, out of what the server has read ahead.

    `source` is `wsgi.input`, and stays as it is where None is returned: more must come, or some was read before, or it is
    not gunicorn's.
    """
    reader: Any = getattr(source, "reader", None)
    if type(reader) is not LengthReader or reader.length != length or reader.unreader.buf.tell() < length:
        return None
    body: bytes = reader.read(length)
    return body
