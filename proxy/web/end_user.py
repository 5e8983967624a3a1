"""The end user of a call: the customer of the caller, whom headers or members of the body name."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.web.identity import environ_name

_HEADERS = ("x-litellm-customer-id", "x-litellm-end-user-id")
# Claude Code describes its session where others name a user: `user_<hash>_account_<id>_session_<id>`, or a JSON object.
_SESSION = re.compile(r'_session_([\w-]{1,128})$|"session_id"\s*:\s*"([\w-]{1,128})"')
_CLAUDE_CODE = re.compile(r"user_[0-9a-f]{64}_account_")


class EndUserReader:
    """One per application. `headers` are further headers that name the end user: they win over the body."""

    def __init__(self, headers: Sequence[str] = ()) -> None:
        self.has_headers = bool(headers)
        self._names = tuple(environ_name(header) for header in (*headers, *_HEADERS))

    def find(self, environ: Mapping[str, Any], fields: Mapping[str, Any]) -> str | None:
        """`fields` is the client's body. None where nothing names one. A session of Claude Code is no end user."""
        for name in self._names:
            if name in environ:
                return environ[name] or None
        user = fields.get("user")
        if user is None and "metadata" in fields:
            metadata = fields["metadata"]
            user = metadata.get("user_id") if isinstance(metadata, Mapping) else None
        if user is None:
            user = fields.get("safety_identifier")
        if user is None:
            return None
        named = str(user) if isinstance(user, str | int) and user != "" else None
        return None if named is None or is_session(named) else named


def is_session(user: str) -> bool:
    """Whether the text describes a session of Claude Code."""
    return user.startswith("{") or _CLAUDE_CODE.match(user) is not None


def session_of(user: object) -> str | None:
    """The session's id in such a text."""
    if not isinstance(user, str) or not is_session(user):
        return None
    found = _SESSION.search(user)
    return found and (found[1] or found[2])
