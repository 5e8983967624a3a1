"""Stored spend in the forms that LiteLLM's clients read: rows of calls, daily activity, reports. Money in USD."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from proxy.domain.account import NANODOLLARS

Row = Mapping[str, Any]

_SUMS = ("prompt_tokens", "completion_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_COUNTS = ("api_requests", "successful_requests", "failed_requests")
# LiteLLM's name of a breakdown, and the column that it is by.
_BREAKDOWNS = {
    "models": "model",
    "model_groups": "model_group",
    "providers": "custom_llm_provider",
    "endpoints": "endpoint",
    "api_keys": "api_key",
    "entities": "entity_id",
}
_CSV = ("date", "entity_id", "api_key", "model", "model_group", "custom_llm_provider", "endpoint")


def show_log(row: Row) -> dict[str, Any]:
    """One call: LiteLLM's SpendLogs. Prompts and answers are not stored."""
    texts = ("call_type", "api_key", "model", "model_id", "model_group", "custom_llm_provider", "api_base", "cache_key")
    as_they_are = ("request_id", "total_tokens", "prompt_tokens", "completion_tokens", "team_id", "organization_id",
                   "end_user", "requester_ip_address", "session_id", "status")  # fmt: skip
    return {
        **{name: row[name] for name in as_they_are},
        **{name: row[name] or "" for name in texts},
        "spend": row["spend"] / NANODOLLARS,
        "startTime": _iso(row["start_time"]),
        "endTime": _iso(row["end_time"]),
        "completionStartTime": _iso(row["completion_start_time"]),
        "user": row["user_id"] or "",
        "metadata": {
            **(row["metadata"] or {}),
            "user_api_key": row["api_key"],
            "user_api_key_alias": row["key_alias"],
            "user_api_key_user_id": row["user_id"],
            "user_api_key_team_id": row["team_id"],
            "status": row["status"],
            "error_class": row["error_class"],
        },
        "cache_hit": row["cache_hit"] or "False",
        "request_tags": row["request_tags"] or [],
        "messages": {},
        "response": {},
    }


def show_days(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Each day with its spend, also by user and by model: `/spend/logs` with dates."""
    shown = []
    for day, of_day in sorted(_grouped(rows, "date").items()):
        by = {
            name: {key: _dollars(group) for key, group in _grouped(of_day, column).items()}
            for name, column in (("users", "entity_id"), ("models", "model"))
        }
        shown.append({"startTime": day, "spend": _dollars(of_day), **by})
    return shown


def show_activity(rows: Sequence[Row], page: int, page_size: int) -> dict[str, Any]:
    """LiteLLM's SpendAnalyticsPaginatedResponse: pages of days, and the sums of all days."""
    by_day = _grouped(rows, "date")
    days = sorted(by_day, reverse=True)
    pages = -(-len(days) // page_size) or 1
    shown = days[(page - 1) * page_size : page * page_size]
    totals = _metrics(rows)
    return {
        "results": [
            {"date": day, "metrics": _metrics(by_day[day]), "breakdown": _breakdown(by_day[day])} for day in shown
        ],
        "metadata": {
            **{f"total_{name}": totals[name] for name in ("spend", *_SUMS, *_COUNTS)},
            "total_tokens": totals["total_tokens"],
            "page": page,
            "total_pages": pages,
            "has_more": page < pages,
        },
    }


def _breakdown(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {"mcp_servers": {}}
    for name, column in _BREAKDOWNS.items():
        found[name] = {
            key: {"metrics": _metrics(group), "metadata": {}, "api_key_breakdown": _by_key(group)}
            for key, group in _grouped(rows, column).items()
            if key
        }
    return found


def _by_key(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        key: {"metrics": _metrics(group), "metadata": {"key_alias": None, "team_id": None}}
        for key, group in _grouped(rows, "api_key").items()
    }


def _metrics(rows: Iterable[Row]) -> dict[str, Any]:
    totals = dict.fromkeys(("spend", *_SUMS, *_COUNTS), 0)
    for row in rows:
        for name in totals:
            totals[name] += row[name]
    tokens = totals["prompt_tokens"] + totals["completion_tokens"]
    return {**totals, "spend": totals["spend"] / NANODOLLARS, "total_tokens": tokens}


def show_report(rows: Sequence[Row], group: str) -> list[dict[str, Any]]:
    """`/global/spend/report` by team or customer: each day with its groups, the models and keys of each."""
    of_name = "team_name" if group == "team" else group
    days = []
    for day, of_day in sorted(_grouped(rows, "date").items()):
        groups = [
            {of_name: name, "total_spend": _dollars(members), "metadata": _models_and_keys(members)}
            for name, members in _grouped(of_day, "entity_id").items()
        ]
        days.append({"group_by_day": day, f"{group}s": groups})
    return days


def _models_and_keys(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"model": model, "api_key": key, "spend": _dollars(members), "total_tokens": _metrics(members)["total_tokens"]}
        for model, of_model in _grouped(rows, "model").items()
        for key, members in _grouped(of_model, "api_key").items()
    ]


def show_totals(rows: Sequence[Row], column: str, name: str) -> list[dict[str, Any]]:
    """The totals by a column, with those of its models: reports by key, user, team or organization."""
    return [
        {
            name: key,
            **_total(members),
            "model_details": [
                {"model": model, **_total(of_model)} for model, of_model in _grouped(members, "model").items()
            ],
        }
        for key, members in _grouped(rows, column).items()
    ]


def _total(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "total_cost": _dollars(rows),
        "total_input_tokens": sum(row["prompt_tokens"] for row in rows),
        "total_output_tokens": sum(row["completion_tokens"] for row in rows),
    }


def show_csv(rows: Sequence[Row]) -> str:
    """A line for each sum of a day; what a spreadsheet would take for a formula begins with a quote."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_CSV, "spend", *_SUMS, *_COUNTS))
    for row in rows:
        spend = f"{row['spend'] // NANODOLLARS}.{row['spend'] % NANODOLLARS:09d}"
        writer.writerow((*(_plain(row[name]) for name in _CSV), spend, *(row[name] for name in (*_SUMS, *_COUNTS))))
    return text.getvalue()


def _plain(value: str) -> str:
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _grouped(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    """In the order in which the groups come."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def _dollars(rows: Iterable[Row]) -> float:
    total: int = sum(row["spend"] for row in rows)
    return total / NANODOLLARS


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
