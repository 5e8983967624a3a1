"""What calls cost: `/spend/logs`, daily activity and reports, as far as the caller may see them."""

from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from marshmallow import ValidationError

from proxy.accounts.key_form import to_hash
from proxy.domain.account import nanodollars
from proxy.endpoints.spend_access import Access, queries, read_count, read_day, read_days, wants_csv
from proxy.errors import BadRequestError, PermissionDeniedError
from proxy.gateway import spend_reports
from proxy.storage.spend_filters import EQUAL, SORTED_BY, DayFilter, LogFilter, Order
from proxy.web.current import current_caller
from proxy.web.serving import current_parts
from schemas.problems import first_problem
from schemas.spend import SpendCalculateSchema

blueprint = Blueprint("spend", __name__)

_MOST_ROWS = 10_000
# The kind of entity of a daily activity's path, and the parameter that names some of them.
_KINDS = {
    "user": ("user", "user_id"),
    "team": ("team", "team_ids"),
    "tag": ("tag", "tags"),
    "organization": ("organization", "organization_ids"),
    "customer": ("customer", "end_user_ids"),
}


@blueprint.get("/spend/logs")
def list_logs() -> Response:
    """Rows of calls; with `start_date` and `end_date` sums by day, unless `summarize=false`."""
    access = Access.of_caller()
    summarized = request.args.get("summarize", "true").lower() != "false"
    if summarized and request.args.get("start_date") and request.args.get("end_date"):
        start, end = read_days()
        api_key = request.args.get("api_key")
        wanted = DayFilter("user", start, end, access.users(), api_key=[to_hash(api_key)] if api_key else access.keys())
        return jsonify(spend_reports.show_days(queries().days(wanted)))
    rows, _ = queries().logs(_log_filter(access), Order(), 0, _MOST_ROWS)
    return jsonify([spend_reports.show_log(row) for row in rows])


@blueprint.get("/spend/logs/v2")
@blueprint.get("/spend/logs/ui")
def page_logs() -> Response:
    """Rows of calls by pages, filtered and sorted."""
    page, size = read_count("page", 1), read_count("page_size", 50, most=1000)
    column = {"startTime": "start_time", "endTime": "end_time"}.get(
        request.args.get("sort_by", "startTime"), request.args.get("sort_by", "")
    )
    if column not in SORTED_BY:
        raise BadRequestError("'sort_by' must be spend, total_tokens, startTime, endTime or model.", param="sort_by")
    order = Order(column, request.args.get("sort_order", "desc") != "asc")
    rows, total = queries().logs(_log_filter(Access.of_caller()), order, (page - 1) * size, size)
    return jsonify(
        data=[spend_reports.show_log(row) for row in rows],
        total=total,
        page=page,
        page_size=size,
        total_pages=-(-total // size),
    )


@blueprint.get("/<kind>/daily/activity")
@blueprint.get("/<kind>/daily/activity/aggregated")
@blueprint.get("/<kind>/daily/activity/export")
def daily_activity(kind: str) -> Response:
    """The sums of each day, and by model, provider, key and more; `/export`, or `format=csv`, as CSV."""
    if kind not in _KINDS:
        raise BadRequestError(f"There is no daily activity of a '{kind}'.", param="kind")
    entity, parameter = _KINDS[kind]
    start, end = read_days()
    given = request.args.get(parameter)
    ids = [name.strip() for name in given.split(",") if name.strip()] if given else None
    access, api_key = Access.of_caller(), request.args.get("api_key")
    wanted = DayFilter(
        entity,
        start,
        end,
        access.check(entity, ids),
        _listed(f"exclude_{parameter}"),
        request.args.get("model"),
        [to_hash(api_key)] if api_key else access.keys(),
    )
    rows = queries().days(wanted)
    if wants_csv():
        return Response(spend_reports.show_csv(rows), mimetype="text/csv")
    whole = request.path.endswith("aggregated")
    page, size = (1, 100_000) if whole else (read_count("page", 1), read_count("page_size", 50, most=1000))
    return jsonify(spend_reports.show_activity(rows, page, size))


@blueprint.get("/global/spend/report")
def report() -> Response:
    """By `group_by` (team, customer or api_key), or for one key, user, team or customer."""
    access = Access.of_caller()
    start, end = read_days()
    for name, kind in (
        ("api_key", "key"),
        ("internal_user_id", "user"),
        ("team_id", "team"),
        ("customer_id", "customer"),
    ):
        if given := request.args.get(name):
            return _totals(access, kind, to_hash(given) if kind == "key" else given, name)
    group = request.args.get("group_by", "team")
    if group == "api_key":
        rows = queries().days(DayFilter("key", start, end, access.check("key", None)))
        return jsonify(spend_reports.show_totals(rows, "api_key", "api_key"))
    if group not in ("team", "customer"):
        raise BadRequestError("'group_by' must be team, customer or api_key.", param="group_by")
    rows = queries().days(DayFilter(group, start, end, access.check(group, None)))
    return jsonify(spend_reports.show_report(rows, group))


@blueprint.get("/<kind>/spend/report")
def report_of(kind: str) -> Response:
    """The totals of keys, users, teams or organizations, with those of their models."""
    names = {"key": "api_key", "user": "internal_user_id", "team": "team_id", "organization": "organization_id"}
    if kind not in names:
        raise BadRequestError(f"There is no report of a '{kind}'.", param="kind")
    given = request.args.get(names[kind])
    return _totals(Access.of_caller(), kind, to_hash(given) if given and kind == "key" else given, names[kind])


def _totals(access: Access, kind: str, identifier: str | None, name: str) -> Response:
    start, end = read_days()
    ids = access.check(kind, None if identifier is None else [identifier])
    return jsonify(spend_reports.show_totals(queries().days(DayFilter(kind, start, end, ids)), "entity_id", name))


@blueprint.get("/spend/tags")
def tags() -> Response:
    return jsonify([
        {"individual_request_tag": row["entity_id"], "log_count": row["api_requests"], "total_spend": row["spend"] / 10**9}
        for row in _tag_sums()
    ])  # fmt: skip


@blueprint.get("/global/spend/tags")
def global_tags() -> Response:
    return jsonify(spend_per_tag=[
        {"name": row["entity_id"], "spend": row["spend"] / 10**9, "log_count": row["api_requests"]} for row in _tag_sums()
    ])  # fmt: skip


def _tag_sums() -> list[dict[str, Any]]:
    access = Access.of_caller()
    start = read_day("start_date", "0001-01-01")
    end = read_day("end_date", "9999-12-31")
    given = _listed("tags")
    return queries().sums(DayFilter("tag", start, end, given or None, api_key=access.keys()), ["entity_id"])


@blueprint.post("/spend/calculate")
def calculate() -> Response:
    """What a request, or a finished answer with its usage, costs here: `{"cost": USD}`."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.", param="request_body")
    try:
        SpendCalculateSchema().load(body)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadRequestError(problem.message, param=problem.param) from None
    parts, account = current_parts(), current_caller().account
    answer = body.get("completion_response") or {}
    model = body.get("model") or answer.get("model") or ""
    if account is not None and not parts.access.may_use(account, model):
        raise PermissionDeniedError(f"The key may not use the model '{model}'.", param="model")
    cost = parts.meter.estimator.cost(model, answer.get("usage"), body.get("messages"))
    if cost is None:
        raise BadRequestError(f"The model '{model}' has no price here.", param="model", code="model_without_price")
    return jsonify(cost=cost)


def _listed(name: str) -> list[str]:
    return [item.strip() for item in request.args.get(name, "").split(",") if item.strip()]


def _log_filter(access: Access) -> LogFilter:
    """The parameters, and what the caller may see."""
    args = request.args
    equal = {name: args[name] for name in EQUAL if args.get(name)}
    if "api_key" in equal:
        equal["api_key"] = to_hash(equal["api_key"])
    if args.get("status_filter"):
        equal["status"] = args["status_filter"]
    if args.get("error_code"):
        equal["error_class"] = args["error_code"]
    return LogFilter(
        access.narrow(equal),
        _moment("start_date"),
        _moment("end_date", days=1),
        _money("min_spend"),
        _money("max_spend"),
    )


def _moment(name: str, days: int = 0) -> float | None:
    """A date (the whole of it, with `days` of 1) or a time, in UTC."""
    given = request.args.get(name)
    if not given:
        return None
    try:
        parsed = datetime.fromisoformat(given)
    except ValueError:
        raise BadRequestError(f"'{name}' must be a date such as 2026-01-31.", param=name) from None
    moment = (parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed).timestamp()
    return moment + 86400 * days if len(given) == len(date.min.isoformat()) else moment


def _money(name: str) -> int | None:
    given = request.args.get(name)
    if not given:
        return None
    try:
        return nanodollars(float(given))
    except (ValueError, OverflowError):  # no number, or none that is finite
        raise BadRequestError(f"'{name}' must be an amount in USD.", param=name) from None
