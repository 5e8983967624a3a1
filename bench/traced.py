"""The application as gunicorn runs it, with a count of what the interpreter does for a request: for bench/steps.py, which
lets another checkout's gunicorn import it. So it may import nothing of this folder.

PATCHBAY_COUNT is `WARM,WATCHED,FILE`: how many requests are not counted, how many then are, and where the result goes.
All must come on one connection, for its greenlet alone is watched.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from gevent import getcurrent

from wsgi import app


class Count:
    def __init__(self, warm: int, watched: int, result: Path) -> None:
        self.requests = -warm
        self._last = watched
        self._result = result
        self.calls = 0
        self.instructions: Counter[CodeType] = Counter()
        self._watched: object = None

    def note_request(self) -> None:
        """Called at the beginning of each request, deep inside the connection's greenlet."""
        self.requests += 1
        if self.requests == 0:
            self._watched = getcurrent()
            sys.settrace(self._enter)
            frame: FrameType | None = sys._getframe()
            while frame is not None:
                self._watch(frame)
                frame = frame.f_back
        elif self.requests == self._last:
            sys.settrace(None)
            self._tell()

    def _watch(self, frame: FrameType) -> None:
        frame.f_trace, frame.f_trace_opcodes, frame.f_trace_lines = self._step, True, False

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        if getcurrent() is not self._watched:
            return None
        self.calls += 1
        self._watch(frame)
        return self._step

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "opcode":
            self.instructions[frame.f_code] += 1
        return self._step

    def _tell(self) -> None:
        by_file: Counter[str] = Counter()
        for code, count in self.instructions.items():
            # What a class was given by its decorator has no file; dataclasses and named tuples are ours.
            by_file["proxy/domain/" if code.co_filename == "<string>" else code.co_filename] += count
        self._result.write_text(json.dumps({"calls": self.calls, "instructions": by_file}))


warm, watched, result = os.environ["PATCHBAY_COUNT"].split(",", 2)
count = Count(int(warm), int(watched), Path(result))
inner = app.wsgi_app


def counted(environ: Any, start_response: Any) -> Iterable[bytes]:
    count.note_request()
    return inner(environ, start_response)


app.wsgi_app = counted  # type: ignore[method-assign]
