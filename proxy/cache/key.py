"""The key of a request: a digest of every member that can change its answer, unknown ones included."""

import hashlib
from collections.abc import Mapping

from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps

# Members that change how an answer is sent, not what it is.
_TRANSPORT = frozenset({"stream", "stream_options", "metadata", "model"})
# Responses fetched with the client's own provider credentials are cached separately, whatever the scope.
_CLIENT = "client"


def build_key(call: Call, *, scope: str, namespace: str | None, groups: Mapping[str, str]) -> str:
    """`scope` is key, team, org or global. `groups` gives model groups that share entries one name.

    Client credentials always have entries of their own, whatever the scope.
    """
    parts = {
        "v": 1,
        "operation": call.operation.name,
        "model": groups.get(call.model, call.model),
        "scope": _scope(call, scope),
        "headers": dict(call.options.extra_headers),
        "body": {name: value for name, value in call.fields.items() if name not in _TRANSPORT},
    }
    digest = hashlib.sha256(_canonical(parts)).hexdigest()
    return f"{namespace}:{digest}" if namespace else digest


def _scope(call: Call, scope: str) -> list[str | None]:
    options = call.options
    if options.user_config is not None:
        return [_CLIENT, options.user_config.digest.hex()]
    if options.overrides:
        return [_CLIENT, hashlib.sha256(_canonical(options.overrides)).hexdigest()]
    owner = call.requester.owner
    if scope == "team" and owner.team_id:
        return ["team", owner.team_id]
    if scope == "org" and owner.organization_id:
        return ["org", owner.organization_id]
    return ["global"] if scope == "global" else ["key", call.account.key.id if call.account is not None else None]


def _canonical(value: object) -> bytes:
    """Members in one order at every depth."""
    return dumps(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _sorted(value[name]) for name in sorted(value, key=str)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value
