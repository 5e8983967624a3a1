"""What calls reserve and settle: exact whatever happens to them, and nothing is left reserved at rest."""

import threading
from dataclasses import replace

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.accounting.book import PriceBook
from proxy.accounting.prices import PriceTable
from proxy.accounts.quotas import BudgetRules
from proxy.counters.store import CounterStore, MemoryCounters
from proxy.counters.values import LIFETIME, Usage, build_limit
from proxy.domain.account import Account, Budget, BudgetWindow, Entity, Limits
from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.cache_control import CacheResult
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.router_settings import RouterSettings
from proxy.domain.usage import Usage as CallUsage
from proxy.errors import BudgetExceededError, GatewayError, PermissionDeniedError, ThrottledError
from proxy.gateway.call_estimate import Estimator
from proxy.gateway.ledger import Ledger
from proxy.gateway.metering import Meter, MeterRules
from proxy.routing.router import Router
from proxy.runtime import Runtime

NOW = 1_700_000_000.0
RULES = MeterRules(BudgetRules(lambda duration, anchor: LIFETIME))
# A prompt of 10 tokens and an answer of 10 cost 10 * 1000 + 10 * 2000 nano-dollars.
PRICED = Deployment("d1", "m", "openai", "m", input_cost_per_token=1e-6, output_cost_per_token=2e-6)
FREE = Deployment("d2", "free", "openai", "free", input_cost_per_token=0.0, output_cost_per_token=0.0)
OTHER = replace(PRICED, id="d3", group="other", model="other")
UNPRICED = Deployment("d4", "unpriced", "openai", "nobody-knows-it")
COST = 30_000


def make_meter(store: CounterStore | None = None, rules: MeterRules = RULES) -> Meter:
    router = Router([PRICED, FREE, OTHER, UNPRICED], RouterSettings(), Runtime())
    counters = store or MemoryCounters()
    return Meter(lambda: counters, Estimator(router, PriceBook(PriceTable())), rules, lambda: NOW)


def make_call(account: Account | None, model: str = "m", **fields: object) -> Call:
    body = {"model": model, "messages": [{"role": "user", "content": "x" * 36}], "max_tokens": 10, **fields}
    return Call("c", CHAT, model, Document.of(body), account=account)


def make_account(limits: Limits | None = None, budget: Budget | None = None) -> Account:
    return Account(Entity("key", "k", limits=limits or Limits(), budget=budget or Budget()), name="sk-...abcd")


def spend_of(store: CounterStore, subject: tuple[str, str] = ("key", "k")) -> Usage:
    return store.read([build_limit(subject, "spend", None, LIFETIME)], NOW)[0]


def test_a_call_without_quotas_is_left_as_it_is() -> None:
    call = make_call(make_account())
    assert make_meter().reserve(call) is call
    assert make_meter().reserve(make_call(None)).quota is None


def test_the_estimate_is_reserved_and_replaced_by_the_truth() -> None:
    store = MemoryCounters()
    call = make_meter(store).reserve(make_call(make_account(budget=Budget(maximum=10**9))))
    assert spend_of(store) == Usage(0, COST)
    assert call.quota is not None
    assert call.quota.settle(20, 12_345) == 12_345
    assert spend_of(store) == Usage(12_345, 0)
    assert dict(call.quota.headers())["x-litellm-key-spend"] == "0.000012345"


def test_it_ends_once() -> None:
    store = MemoryCounters()
    call = make_meter(store).reserve(make_call(make_account(budget=Budget(maximum=10**9))))
    assert call.quota is not None
    call.quota.settle(20, 7)
    call.quota.settle(20, 7)
    call.quota.release()
    assert spend_of(store) == Usage(7, 0)


def test_an_answer_without_usage_costs_its_estimate() -> None:
    store = MemoryCounters()
    call = make_meter(store).reserve(make_call(make_account(budget=Budget(maximum=10**9))))
    assert call.quota is not None
    assert call.quota.settle(None, None) == COST
    assert spend_of(store) == Usage(COST, 0)


def test_an_answer_that_is_withheld_was_paid_for_and_one_from_the_cache_was_not() -> None:
    for hit, expected in ((False, COST), (True, 0)):
        store, records = MemoryCounters(), []
        ledger = Ledger(records.append, PriceTable(), Runtime(), lambda text: text, log_content=False)
        call = make_meter(store).reserve(make_call(make_account(budget=Budget(maximum=10**9))))
        cache = CacheResult(hit=True, key="k") if hit else None
        outcome = Outcome(Answer(b"{}", usage=None if hit else CallUsage(10, 10, 20)), PRICED, (), cache=cache)
        ledger.failed(call, PermissionDeniedError("withheld"), None, outcome)
        assert spend_of(store) == Usage(expected, 0)
        assert records[0].spend == expected


def test_a_call_that_was_not_sent_leaves_nothing() -> None:
    store, meter = MemoryCounters(), None
    meter = make_meter(store)
    account = make_account(Limits(rpm=1, tpm=100, parallel=1), Budget(maximum=10**9))
    for _ in range(3):
        call = meter.reserve(make_call(account))
        assert call.quota is not None
        call.quota.release()
    assert spend_of(store) == Usage(0, 0)


def test_a_request_beyond_a_limit_is_refused_with_nothing_counted() -> None:
    store = MemoryCounters()
    meter = make_meter(store)
    account = make_account(Limits(rpm=1), Budget(maximum=10**9))
    meter.reserve(make_call(account))
    with pytest.raises(ThrottledError):
        meter.reserve(make_call(account))
    assert spend_of(store) == Usage(0, COST)


def test_a_free_model_passes_a_spent_budget() -> None:
    store = MemoryCounters()
    meter, account = make_meter(store), make_account(budget=Budget(maximum=0))
    with pytest.raises(BudgetExceededError):
        meter.reserve(make_call(account))
    assert meter.reserve(make_call(account, "free")).model == "free"


def test_a_model_without_a_price_passes_with_a_header_or_is_refused() -> None:
    account = make_account(budget=Budget(maximum=10**9))
    call = make_meter().reserve(make_call(account, "unpriced"))
    assert call.quota is not None
    assert dict(call.quota.headers())["x-litellm-model-unpriced"] == "true"
    with pytest.raises(GatewayError) as caught:
        make_meter(rules=replace(RULES, refuse_unpriced=True)).reserve(make_call(account, "unpriced"))
    assert (caught.value.status_code, caught.value.code) == (400, "model_without_price")


def test_a_model_whose_budget_is_spent_is_replaced_by_its_fallback() -> None:
    budget = Budget(by_model={"m": BudgetWindow(0)})
    account = replace(make_account(budget=budget), budget_fallbacks={"m": ("other",)})
    call = make_meter().reserve(make_call(account))
    assert (call.model, call.fields["model"]) == ("other", "other")
    with pytest.raises(BudgetExceededError):
        make_meter().reserve(make_call(replace(account, budget_fallbacks={})))


def test_a_key_that_is_slowed_down_passes_with_a_share_of_its_rate() -> None:
    store = MemoryCounters()
    account = replace(make_account(Limits(rpm=10), Budget(maximum=0)), throttles=True)
    meter = make_meter(store, replace(RULES, throttle_share=0.2))
    for _ in range(2):
        meter.reserve(make_call(account))
    with pytest.raises(ThrottledError):
        meter.reserve(make_call(account))
    with pytest.raises(BudgetExceededError):
        make_meter(store).reserve(make_call(account))


def test_a_call_of_another_kind_reserves_no_answer() -> None:
    store = MemoryCounters()
    call = Call(
        "c",
        EMBEDDINGS,
        "m",
        Document.of({"model": "m", "input": "x" * 40}),
        account=make_account(budget=Budget(maximum=10**9)),
    )
    make_meter(store).reserve(call)
    assert spend_of(store) == Usage(0, 10_000)


def test_a_budget_for_n_calls_lets_n_of_forty_clients_calls_pass() -> None:
    store, passed = MemoryCounters(), []
    meter, account = make_meter(store), make_account(budget=Budget(maximum=25 * COST))

    def client() -> None:
        for _ in range(10):
            try:
                call = meter.reserve(make_call(account))
            except BudgetExceededError:
                continue
            assert call.quota is not None
            passed.append(call.quota.settle(20, COST))

    threads = [threading.Thread(target=client) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), sum(passed), spend_of(store)) == (25, 25 * COST, Usage(25 * COST, 0))


class Accounting(RuleBasedStateMachine):
    """Calls of two keys of one team, that end in every way."""

    MAXIMUM = 5 * COST

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryCounters()
        self.meter = make_meter(self.store, replace(RULES, budgets=replace(RULES.budgets, fail_closed=True)))
        team = Entity("team", "t", budget=Budget(maximum=self.MAXIMUM), limits=Limits(parallel=3))
        self.accounts = [
            Account(Entity("key", name, budget=Budget(maximum=3 * COST)), team=team, name=name) for name in ("a", "b")
        ]
        self.open: list[Call] = []
        self.spent = {"a": 0, "b": 0}

    @rule(key=st.integers(0, 1))
    def begin(self, key: int) -> None:
        try:
            self.open.append(self.meter.reserve(make_call(self.accounts[key])))
        except (BudgetExceededError, ThrottledError):
            return

    @precondition(lambda self: self.open)
    @rule(position=st.integers(0, 9), cost=st.integers(0, COST), again=st.booleans())
    def settle(self, position: int, cost: int, again: bool) -> None:
        call = self.open.pop(position % len(self.open))
        assert call.quota is not None
        assert call.account is not None
        self.spent[call.account.key.id] += call.quota.settle(20, cost)
        if again:
            call.quota.settle(20, COST)

    @precondition(lambda self: self.open)
    @rule(position=st.integers(0, 9))
    def release(self, position: int) -> None:
        call = self.open.pop(position % len(self.open))
        assert call.quota is not None
        call.quota.release()

    @invariant()
    def no_budget_is_exceeded_and_the_sums_agree(self) -> None:
        team = spend_of(self.store, ("team", "t"))
        assert 0 <= team.spent + team.reserved <= self.MAXIMUM
        assert team.reserved == len(self.open) * COST
        assert team.spent == sum(self.spent.values())
        assert len(self.open) <= 3
        for key, spent in self.spent.items():
            usage = spend_of(self.store, ("key", key))
            assert usage.spent == spent
            assert usage.spent + usage.reserved <= 3 * COST


TestAccounting = Accounting.TestCase
TestAccounting.settings = hypothesis_settings(max_examples=40, stateful_step_count=40, deadline=None)
