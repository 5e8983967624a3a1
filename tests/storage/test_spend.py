"""Stored spend: rows, sums by day, and the spend of keys, teams and others, in both databases."""

from typing import Any

import pytest
import sqlalchemy as sa

from proxy.gateway.budget_windows import Calendar
from proxy.storage.database import Database
from proxy.storage.spend_filters import DayFilter, LogFilter, Order
from proxy.storage.spend_queries import SpendQueries
from proxy.storage.spend_rows import MASTER_KEY
from proxy.storage.spend_store import SpendStore
from proxy.storage.tables import KEYS, TEAM_MEMBERS, TEAMS, USERS

AT = 1_700_000_000.0  # 2023-11-14
DAY = 86400


def row(number: int, spend: int = 100, **fields: Any) -> dict[str, Any]:
    return {
        "row_id": f"r{number}", "request_id": f"q{number}", "call_type": "acompletion", "api_key": "k1", "spend": spend,
        "total_tokens": 3, "prompt_tokens": 1, "completion_tokens": 2, "start_time": AT, "end_time": AT + 1,
        "model": "gpt", "model_group": "group", "custom_llm_provider": "openai", "user_id": "u", "team_id": "t",
        "organization_id": None, "end_user": "c", "status": "success", "request_tags": ["x", "y"], "metadata": None,
        "route": "/v1/chat/completions", **fields,
    }  # fmt: skip


@pytest.fixture
def store(database: Database) -> SpendStore:
    return SpendStore(database, Calendar().window)


def insert(database: Database, table: sa.Table, **values: Any) -> None:
    database.write(lambda connection: (connection.execute(sa.insert(table).values(**values)), ()))


def find(database: Database, table: sa.Table) -> dict[str, Any]:
    return database.read(lambda connection: dict(connection.execute(sa.select(table)).mappings().one()))


def test_rows_are_stored_once_however_often_they_come(database: Database, store: SpendStore) -> None:
    assert store.store([row(1), row(2), row(2)]) == 2
    assert store.store([row(2), row(3)]) == 1
    queries = SpendQueries(database)
    rows, total = queries.logs(LogFilter(), Order(), 0, 10)
    assert (total, sum(found["spend"] for found in rows)) == (3, 300)
    assert [found["request_tags"] for found in rows] == [["x", "y"]] * 3
    for kind, ids in (("key", "k1"), ("user", "u"), ("team", "t"), ("customer", "c"), ("member", "t:u"), ("tag", "x")):
        sums = queries.sums(DayFilter(kind, "2023-11-14", "2023-11-14", [ids]), ["entity_id"])
        assert [(found["entity_id"], found["spend"], found["api_requests"]) for found in sums] == [(ids, 300, 3)]


def test_sums_add_up_to_the_rows_by_any_column(database: Database, store: SpendStore) -> None:
    store.store(
        [row(number, spend=number, model=f"m{number % 3}", api_key=f"k{number % 2}") for number in range(1, 20)]
    )
    queries = SpendQueries(database)
    wanted = DayFilter("user", "2023-11-01", "2023-11-30")
    for by in ("model", "api_key", "date", "endpoint"):
        assert sum(found["spend"] for found in queries.sums(wanted, [by])) == 190
    assert [found["model"] for found in queries.sums(wanted._replace(model="m1"), ["model"])] == ["m1"]
    assert queries.sums(wanted._replace(end="2023-11-13"), ["model"]) == []


def test_spend_of_key_team_user_and_member_grows_by_what_their_calls_cost(
    database: Database, store: SpendStore
) -> None:
    insert(database, KEYS, token="k1")
    insert(database, TEAMS, team_id="t")
    insert(database, USERS, user_id="u")
    insert(database, TEAM_MEMBERS, team_id="t", user_id="u")
    store.store([row(1), row(2, spend=7)])
    for table in (KEYS, TEAMS, USERS, TEAM_MEMBERS):
        found = find(database, table)
        assert (found["spend"], found["total_spend"]) == (107, 107)


def test_spend_begins_anew_with_the_budgets_window_and_the_lifetimes_goes_on(
    database: Database, store: SpendStore
) -> None:
    insert(database, KEYS, token="k1", budget_duration="1d", created_at=AT)
    store.store([row(1)])
    store.store([row(2, spend=5)])
    first = find(database, KEYS)
    assert (first["spend"], first["total_spend"], first["budget_reset_at"] % DAY) == (105, 105, 0)
    store.store([row(3, spend=7, end_time=AT + DAY)])
    second = find(database, KEYS)
    assert (second["spend"], second["total_spend"]) == (7, 112)
    assert second["budget_reset_at"] == first["budget_reset_at"] + DAY


def test_rows_are_found_by_filters_and_pages(database: Database, store: SpendStore) -> None:
    store.store([row(n, spend=n, start_time=AT + n, status="failure" if n % 2 else "success") for n in range(1, 11)])
    queries = SpendQueries(database)
    page, total = queries.logs(LogFilter(), Order("spend"), 2, 3)
    assert ([found["spend"] for found in page], total) == ([8, 7, 6], 10)
    failed, total = queries.logs(
        LogFilter({"status": "failure"}, AT + 3, AT + 8, least=4), Order(descending=False), 0, 9
    )
    assert ([found["spend"] for found in failed], total) == ([5, 7], 2)


def test_old_rows_are_forgotten_and_the_sums_stay(database: Database, store: SpendStore) -> None:
    store.store([row(1), row(2, start_time=AT + DAY)])
    assert store.forget(AT + 10) == 1
    queries = SpendQueries(database)
    assert queries.logs(LogFilter(), Order(), 0, 10)[1] == 1
    assert sum(found["spend"] for found in queries.days(DayFilter("key", "2023-01-01", "2024-01-01"))) == 200


def test_without_rows_the_sums_are_kept(database: Database) -> None:
    SpendStore(database, Calendar().window, keeps_rows=False).store([row(1)])
    queries = SpendQueries(database)
    assert queries.logs(LogFilter(), Order(), 0, 10) == ([], 0)
    assert queries.days(DayFilter("key", "2023-11-14", "2023-11-14"))[0]["spend"] == 100


def test_calls_of_the_master_key_count_for_no_key(database: Database, store: SpendStore) -> None:
    store.store([row(1, api_key=MASTER_KEY, user_id="default_user_id", team_id=None, end_user=None, request_tags=[])])
    days = SpendQueries(database).sums(DayFilter("user", "2023-11-14", "2023-11-14"), ["entity_id", "api_key"])
    assert [(found["entity_id"], found["api_key"]) for found in days] == [("default_user_id", MASTER_KEY)]
    assert SpendQueries(database).days(DayFilter("key", "2023-11-14", "2023-11-14")) == []
