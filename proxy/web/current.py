"""The request that is being served, its application and its caller, by the fast path's door: Flask's proxies cost three
calls for each access."""

from typing import NamedTuple

from flask import Flask, Request

from proxy.domain.account import Account
from proxy.domain.requester import Key
from proxy.fastpath.door import door


class Caller(NamedTuple):
    """A request's ids, when it came (monotonic seconds), and its key.

    `account` is that of a virtual key.
    """

    call_id: str
    request_id: str
    started: float
    key: Key
    account: Account | None = None


def current_request() -> Request:
    return door.request_context().request


def current_caller() -> Caller:
    """As `identity` noted it before anything else was done for the request."""
    caller: Caller = door.app_context().g.caller
    return caller


def note_caller(caller: Caller) -> None:
    door.app_context().g.caller = caller


def serving_app() -> Flask:
    return door.app_context().app
