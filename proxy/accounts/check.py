"""The check of a call, in one table of rules that are tried in order: what the headers show, then what the body asks for.

Budgets and limits are counted, not looked up: their reservation follows these rules.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from proxy.accounts.key_form import PREFIX
from proxy.accounts.model_access import AccessGroups, find_denial
from proxy.accounts.route_access import may_call
from proxy.domain.account import Account
from proxy.errors import AuthenticationError, GatewayError, PermissionDeniedError


class RequestFacts(NamedTuple):
    """What a request shows before its body is read. `now` is Unix seconds."""

    path: str
    method: str
    now: float


Rule = Callable[[Account, RequestFacts], GatewayError | None]


def _blocked(account: Account, request: RequestFacts) -> GatewayError | None:
    if not account.key.blocked:
        return None
    return AuthenticationError("Key is blocked. Update via `/key/unblock` if you're an admin.", error_type="auth_error")


def _expired(account: Account, request: RequestFacts) -> GatewayError | None:
    if account.expires is None or request.now < account.expires:
        return None
    return AuthenticationError(
        "Authentication Error - Expired Key. The key can no longer be used.",
        error_type="expired_key",
        param=account.name,
    )


def _team_blocked(account: Account, request: RequestFacts) -> GatewayError | None:
    if account.team is None or not account.team.blocked:
        return None
    return AuthenticationError(
        f"Team={account.team.id} is blocked. Update via `/team/unblock` if you're an admin.", error_type="auth_error"
    )


def _organization_blocked(account: Account, request: RequestFacts) -> GatewayError | None:
    if account.organization is None or not account.organization.blocked:
        return None
    return AuthenticationError(f"Organization={account.organization.id} is blocked.", error_type="auth_error")


def _user_blocked(account: Account, request: RequestFacts) -> GatewayError | None:
    if account.user is None or not account.user.blocked:
        return None
    return AuthenticationError(f"User={account.user.id} is blocked.", error_type="auth_error")


def _routes(account: Account, request: RequestFacts) -> GatewayError | None:
    if may_call(account, request.path, request.method):
        return None
    # A path may hold another key: /key/sk-.../regenerate.
    shown = f" {request.path[:200]}" if PREFIX not in request.path else ""
    return PermissionDeniedError(
        f"This key may not call {request.method}{shown}: its routes or its role do not allow it.",
        error_type="auth_error",
    )


# In the order in which LiteLLM checks them.
RULES: tuple[Rule, ...] = (_blocked, _expired, _team_blocked, _organization_blocked, _user_blocked, _routes)


def find_refusal(account: Account, request: RequestFacts) -> GatewayError | None:
    """Why a request is refused by its headers alone; None: it may go on."""
    for rule in RULES:
        refusal = rule(account, request)
        if refusal is not None:
            return refusal
    return None


_DENIED = {
    "key": "key_model_access_denied",
    "member": "team_member_model_access_denied",
    "team": "team_model_access_denied",
    "user": "user_model_access_denied",
    "organization": "org_model_access_denied",
    "end_user": "customer_model_access_denied",
}


def find_model_refusal(account: Account, models: Iterable[str], groups: AccessGroups) -> GatewayError | None:
    """Why one of the models that a call can reach is refused. The message never names the allowed ones."""
    for model in models:
        denied_by = find_denial(account, model, groups)
        if denied_by is not None:
            return PermissionDeniedError(
                f"{denied_by.kind} not allowed to access model. Tried to access {model[:200]}",
                error_type=_DENIED[denied_by.kind],
                param="model",
            )
    return None
