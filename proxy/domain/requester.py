"""The client of a request, as the web layer sees it."""

from typing import NamedTuple


class Key(NamedTuple):
    """What a record may show of the key; nothing where the operator turned that off."""

    alias: str | None = None
    digest: str | None = None


NO_KEY = Key()


class Owner(NamedTuple):
    """The team, user and organization of a virtual key, as records and metrics name them."""

    team_id: str | None = None
    team_alias: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    organization_id: str | None = None
    organization_alias: str | None = None


NO_OWNER = Owner()


class Requester(NamedTuple):
    """`key_hash` is a digest; `traceparent` the W3C header that came in."""

    request_id: str | None = None
    route: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    key_hash: str | None = None
    traceparent: str | None = None
    owner: Owner = NO_OWNER


NOBODY = Requester()
