"""The files that came with a request."""

from collections.abc import Sequence
from functools import cached_property

from proxy.host.audio_length import read_seconds
from proxy.host.spool import StoredContent


class UploadedFile:
    """One file of a form. `field` is its name without brackets; `filename` and `content_type` are safe for a header."""

    def __init__(self, field: str, filename: str, content_type: str, content: StoredContent) -> None:
        self.field = field
        self.filename = filename
        self.content_type = content_type
        self.content = content

    @cached_property
    def seconds(self) -> float | None:
        """The length of a recording; None where its header has none."""
        return read_seconds(self.content)


class Upload:
    """All files of a request. `boundary` separates the parts of a form that holds them: no client can know it."""

    def __init__(self, files: Sequence[UploadedFile], boundary: str) -> None:
        self.files = tuple(files)
        self.boundary = boundary

    def named(self, field: str) -> tuple[UploadedFile, ...]:
        return tuple(file for file in self.files if file.field == field)
