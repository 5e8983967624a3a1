"""Which routes an account may call: by its role, and by the `allowed_routes` of its key.

A path that is in no group is for administrators: a new route is closed until the table names it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from proxy.accounts.model_access import matches
from proxy.domain.account import Account, Role

Group = Literal["llm", "info", "management", "admin"]

# Path prefixes that are removed before a route is matched: API versions, and the model in Azure's and `/engines` paths.
_PREFIXES = re.compile(r"^(?:/openai)?(?:/v1(?=/v1/))?(?:/v1(?:beta|alpha)?|/v2)?(?=/)")
_NAMED_MODEL = re.compile(r"^(?:/openai/deployments|/engines|/deployments)/.+?/(?=[^/]+(?:/[^/]+)?$)")
# The first segment below the prefix of what clients of a model call.
_LLM = frozenset(
    "chat completions embeddings moderations images audio rerank responses messages models files batches fine_tuning "
    "assistants threads vector_stores realtime videos ocr search uploads containers evals conversations "
    "generate interactions".split()
)
# Reads about the caller and its own objects; each view answers with what the caller may see.
_INFO = frozenset(
    "/key/info /key/list /key/aliases /key/health /team/info /team/list /team/available "
    "/team/permissions_list /user/info /organization/list /organization/info /model/info "
    "/model_group/info /utils/token_counter /utils/supported_openai_params /utils/transform_request /routes /openapi.json "
    "/spend/logs /spend/logs/v2 /spend/calculate /user/daily/activity /team/daily/activity "
    "/tag/daily/activity /organization/daily/activity /customer/daily/activity /spend/tags /global/spend/report "
    "/user/daily/activity/aggregated /team/daily/activity/aggregated".split()
)
# Changes that a user may make to its own objects, and a team's admin to those of its team; each view checks whose they are.
_MANAGEMENT = frozenset(
    "/key/generate /key/update /key/delete /key/block /key/unblock /key/regenerate /key/bulk_update "
    "/key/service-account/generate /team/key/bulk_update /team/new /team/update /team/delete /team/block /team/unblock "
    "/team/member_add /team/member_update /team/member_delete /team/bulk_member_add /team/model/add /team/model/delete "
    "/team/permissions_update /user/update".split()
)
_KEY_ACTION = re.compile(r"/key/[^/]+/(?:regenerate|reset_spend)")
_TEAM_ME = re.compile(r"/team/[^/]+/members/me")
# Kinds of management objects: their other routes are administrators'.
_OBJECTS = frozenset("key team user organization customer end_user budget tag project global spend model".split())
# LiteLLM's names for groups of routes, as `allowed_routes` may hold them.
LLM_ROUTES, MANAGEMENT_ROUTES, INFO_ROUTES = "llm_api_routes", "management_routes", "info_routes"
_OF_KEY_TYPE = {"llm_api": LLM_ROUTES, "management": MANAGEMENT_ROUTES, "read_only": INFO_ROUTES}
_NAMES = {
    LLM_ROUTES: ("llm",),
    "openai_routes": ("llm",),
    "anthropic_routes": ("llm",),
    INFO_ROUTES: ("info",),
    MANAGEMENT_ROUTES: ("management", "info", "admin"),
    "self_managed_routes": ("management", "info"),
}


def routes_of_key_type(key_type: str | None) -> list[str]:
    """The `allowed_routes` of a `key_type`; empty for `default` and unknown types."""
    name = _OF_KEY_TYPE.get(key_type or "")
    return [name] if name else []


@lru_cache(maxsize=1024)
def group_of(path: str) -> Group:
    """The group of a request's path."""
    bare = bare_path(path)
    if bare in _INFO or _TEAM_ME.fullmatch(bare):
        return "info"
    if bare in _MANAGEMENT or _KEY_ACTION.fullmatch(bare):
        return "management"
    # Google's clients name the method behind a colon: /models/gemini:generateContent.
    return "llm" if _segment(bare) in _LLM else "admin"


def _segment(bare: str) -> str:
    return bare.split("/", 2)[1] if bare.startswith("/") else bare


def bare_path(path: str) -> str:
    """`/openai/deployments/gpt/chat/completions` and `/v1/chat/completions` are `/chat/completions`."""
    named = _NAMED_MODEL.sub("/", path)
    return named if named != path else _PREFIXES.sub("", path)


def may_call(account: Account, path: str, method: str) -> bool:
    """Whether role and key allow the route. What the route may be called about is the view's to check."""
    group = group_of(path)
    if account.allowed_routes and not in_routes(account.allowed_routes, path, group):
        return False
    return role_allows(account.role, group, method)


def role_allows(role: Role, group: Group, method: str) -> bool:
    if role == "proxy_admin":
        return True
    if group == "llm":
        return role != "proxy_admin_viewer"
    if role == "proxy_admin_viewer":
        return method in _READS or group == "info"
    if group == "management":
        return role == "internal_user"
    return group == "info"


def in_routes(allowed: Sequence[str], path: str, group: Group) -> bool:
    """Whether a list of paths, patterns and names of groups has the path."""
    bare = bare_path(path)
    for route in allowed:
        if route in _NAMES:
            if group in _NAMES[route] and (group != "admin" or _is_management(path)):
                return True
        elif route in (path, bare) or bare_path(route) == bare or ("*" in route and matches(route, path)):
            return True
    return False


def _is_management(path: str) -> bool:
    return _segment(bare_path(path)) in _OBJECTS


_READS = frozenset({"GET", "HEAD"})
