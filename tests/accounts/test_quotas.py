"""Which counters a call is counted in."""

from dataclasses import replace

from proxy.accounts.quotas import BudgetRules, Quotas, quotas_of
from proxy.counters.values import LIFETIME, FixedWindow, Window
from proxy.domain.account import NO_BUDGET, NO_LIMITS, Account, Budget, BudgetWindow, Entity, Limits

NOW = 1_000_000.0


def window_of(duration: str | None, anchor: float) -> Window:
    return LIFETIME if duration is None else FixedWindow(duration, 3600)


RULES = BudgetRules(window_of)


def names(quotas: Quotas) -> list[tuple[str, str, str, str, int | None]]:
    return [(*limit.counter, limit.maximum) for limit in quotas.limits]


def entity(kind: str, limits: Limits = NO_LIMITS, budget: Budget = NO_BUDGET) -> Entity:
    return Entity(kind, kind[0], limits=limits, budget=budget)  # type: ignore[arg-type]


def test_every_limit_of_key_and_team_counts_and_budgets_come_first() -> None:
    key = entity("key", Limits(rpm=5, tpm=100, parallel=2), Budget(maximum=10, duration="30d"))
    team = entity("team", Limits(rpm=50, tpd=9), Budget(maximum=70))
    assert names(quotas_of(Account(key, team=team), "m", (), (), RULES, NOW)) == [
        ("key", "k", "spend", "30d", 10),
        ("team", "t", "spend", "total", 70),
        ("key", "k", "requests", "1m", 5),
        ("key", "k", "tokens", "1m", 100),
        ("key", "k", "parallel", "total", 2),
        ("team", "t", "requests", "1m", 50),
        ("team", "t", "tokens", "1d", 9),
    ]


def test_limits_of_one_model_count_for_that_model_only() -> None:
    key = entity("key", Limits(model_rpm={"a": 3}, model_tpm={"b": 4}), Budget(by_model={"a": BudgetWindow(8, "1d")}))
    account = Account(key)
    assert names(quotas_of(account, "a", (), (), RULES, NOW)) == [
        ("model_per_key", "k:a", "spend", "1d", 8),
        ("model_per_key", "k:a", "requests", "1m", 3),
    ]
    assert names(quotas_of(account, "b", (), (), RULES, NOW)) == [("model_per_key", "k:b", "tokens", "1m", 4)]
    assert names(quotas_of(account, "c", (), (), RULES, NOW)) == []


def test_a_users_budget_is_for_keys_without_a_team_unless_the_setting_says_otherwise() -> None:
    user, team = entity("user", budget=Budget(maximum=1)), entity("team")
    alone, in_team = Account(entity("key"), user=user), Account(entity("key"), user=user, team=team)
    assert len(quotas_of(alone, "m", (), (), RULES, NOW).limits) == 1
    assert quotas_of(in_team, "m", (), (), RULES, NOW).limits == ()
    assert len(quotas_of(in_team, "m", (), (), replace(RULES, user_budget_for_teams=True), NOW).limits) == 1


def test_two_budgets_in_one_window_are_one_counter_with_the_smaller_maximum() -> None:
    budget = Budget(maximum=10, duration="1d", windows=(BudgetWindow(4, "1d"), BudgetWindow(6, "1h")))
    quotas = quotas_of(Account(entity("key", budget=budget)), "m", (), (), RULES, NOW)
    assert names(quotas) == [("key", "k", "spend", "1d", 4), ("key", "k", "spend", "1h", 6)]


def test_a_temporary_increase_counts_until_it_ends() -> None:
    account = Account(entity("key", budget=Budget(maximum=10, increase=5, increase_until=NOW + 9)))
    during, after = (quotas_of(account, "m", (), (), RULES, at) for at in (NOW, NOW + 9))
    assert (during.limits[0].maximum, during.until) == (15, NOW + 9)
    assert (after.limits[0].maximum, after.until) == (10, None)


def test_end_users_tags_and_the_gateways_budget_count_without_an_account() -> None:
    rules = replace(RULES, everything=Budget(maximum=99, duration="1mo"))
    further = [entity("end_user", budget=Budget(maximum=3)), entity("tag", Limits(rpm=2))]
    assert names(quotas_of(None, "m", further, ("t",), rules, NOW)) == [
        ("end_user", "e", "spend", "total", 3),
        ("global", "proxy", "spend", "1mo", 99),
        ("tag", "t", "requests", "1m", 2),
    ]


def test_a_keys_limit_of_a_tag_counts_for_calls_with_that_tag() -> None:
    account = Account(entity("key", Limits(tag_rpm={"x": 1})))
    assert names(quotas_of(account, "m", (), ("x", "x", "y"), RULES, NOW)) == [
        ("tag_per_key", "k:x", "requests", "1m", 1)
    ]


def test_a_soft_budget_is_counted_and_refuses_nothing() -> None:
    quotas = quotas_of(Account(entity("key", budget=Budget(soft=3, duration="1d"))), "m", (), (), RULES, NOW)
    assert names(quotas) == [("key", "k", "spend", "1d", None)]
    assert [(limit.counter, limit.maximum) for limit in quotas.soft] == [(quotas.limits[0].counter, 3)]
