"""Reserves each call's share of its limits and budgets before it is sent, and settles it when it has ended."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from proxy.accounts.quotas import NO_QUOTAS, BudgetRules, Quotas, main_budget, quotas_of
from proxy.counters.rules import used_of
from proxy.counters.store import CounterStore
from proxy.counters.values import Amounts, Counter, Limit, Refused, Reservation
from proxy.domain.account import Account, Entity
from proxy.domain.call import Call
from proxy.errors import BudgetExceededError, GatewayError
from proxy.gateway.call_estimate import CallEstimate, Estimator
from proxy.gateway.quota_refusals import quota_headers, refusal_error

_MOST_REMEMBERED = 4096
_UNPRICED = ("x-litellm-model-unpriced", "true")
# The end users and tags of a call that are limited, and may be refused.
Further = Callable[[Call], Sequence[Entity]]


class OnSpend(Protocol):
    """What watches budgets: called with what is used of a call's budgets after it, never to raise."""

    def __call__(self, limits: Sequence[Limit], used: Sequence[int], call: Call) -> None: ...


@dataclass(frozen=True, slots=True)
class MeterRules:
    """What the configuration decides.

    `refuse_unpriced`: a call with a budget and a model without a price is refused. `throttle_share`: what remains of the
    rates of a key beyond its budget that is slowed down instead of refused.
    """

    budgets: BudgetRules
    budget_status: int = 422
    refuse_unpriced: bool = False
    throttle_share: float = 0.0


class _Known(NamedTuple):
    """Quotas that were worked out, and the account for which: kept beside it, so that its id() stays its own."""

    account: Account | None
    quotas: Quotas


class Meter:
    """One per application; safe for threads.

    `counters` opens the store when the first call is counted: a gateway without accounts has none. `further` finds the
    limited end users and tags of a call.
    """

    def __init__(
        self,
        counters: Callable[[], CounterStore],
        estimator: Estimator,
        rules: MeterRules,
        now: Callable[[], float],
        further: Further | None = None,
        on_spend: OnSpend | None = None,
    ) -> None:
        self._open_counters = counters
        self._opened: CounterStore | None = None
        self._opening = threading.Lock()
        self.estimator = estimator
        self._rules = rules
        self._now = now
        self._further = further
        self._on_spend = on_spend
        self._known: dict[tuple[int, str], _Known] = {}
        # Whether calls without an account, an end user or a tag count, too.
        self.counts_all = rules.budgets.everything is not None
        self._restored: set[tuple[Counter, int]] = set()

    @property
    def counters(self) -> CounterStore:
        if self._opened is None:
            with self._opening:
                self._opened = self._opened or self._open_counters()
        return self._opened

    def reserve(self, call: Call) -> Call:
        """The call with its reservation, perhaps for the model that replaces one whose budget is spent.

        Raise ThrottledError or BudgetExceededError, with nothing reserved.
        """
        now = self._now()
        try:
            return self._reserve(call, now)
        except BudgetExceededError:
            account = call.account
            if account is None:
                raise
            for model in account.budget_fallbacks.get(call.model, ()):
                try:
                    return self._reserve(call.edited({"model": model})._replace(model=model), now)
                except BudgetExceededError:
                    continue
            raise

    def _reserve(self, call: Call, now: float) -> Call:
        quotas = self._quotas(call, now)
        if not quotas.limits:
            return call
        estimate = CallEstimate(0, 0)
        headers: tuple[tuple[str, str], ...] = ()
        has_budgets = quotas.has_budgets
        if has_budgets or quotas.has_tokens:
            prices = self.estimator.prices(call.model)
            if has_budgets and prices.is_free:
                quotas = quotas.without_budgets()
            elif has_budgets and not prices.is_known:
                headers = self._check_unpriced(call)
            estimate = self.estimator.estimate(call, prices)
        taken = self._take(call, quotas, estimate, now)
        return call._replace(quota=_Quota(self, call, taken, estimate, headers))

    def _take(self, call: Call, quotas: Quotas, estimate: CallEstimate, now: float) -> Reservation:
        amounts = Amounts(estimate.tokens, estimate.nanodollars or 0)
        taken = self.counters.reserve(quotas.limits, amounts, now)
        if isinstance(taken, Refused) and self._throttles(call.account, taken):
            slower = _slowed(quotas.limits, taken, self._rules.throttle_share)
            taken = self.counters.reserve(slower, amounts, now)
        if isinstance(taken, Refused):
            raise refusal_error(taken, call.account, now, self._rules.budget_status)
        return taken

    def _throttles(self, account: Account | None, refused: Refused) -> bool:
        counter = refused.limit.counter
        return (
            account is not None
            and account.throttles
            and self._rules.throttle_share > 0
            and counter.measure == "spend"
            and (counter.kind, counter.id) == account.key.subject
        )

    def _check_unpriced(self, call: Call) -> tuple[tuple[str, str], ...]:
        if self._rules.refuse_unpriced:
            raise GatewayError(
                f"The model '{call.model}' has no price, and calls with a budget need one here.",
                param="model",
                error_type="invalid_request_error",
                code="model_without_price",
                status_code=400,
            )
        return (_UNPRICED,)

    def _quotas(self, call: Call, now: float) -> Quotas:
        """Worked out once for an account and a model; end users and tags of a call differ, and are not kept."""
        account = call.account
        tags = (*account.tags, *call.options.tags) if account is not None else call.options.tags
        further = self._further(call) if self._further is not None and (tags or call.end_user) else ()
        if further or (account is not None and account.key.limits.tag_rpm and tags):
            quotas = quotas_of(account, call.model, further, tags, self._rules.budgets, now)
            self._restore(quotas, now)
            return quotas
        if account is None and self._rules.budgets.everything is None:
            return NO_QUOTAS
        key = (id(account), call.model)
        known = self._known.get(key)
        if known is None or (known.quotas.until is not None and now >= known.quotas.until):
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            quotas = quotas_of(account, call.model, (), (), self._rules.budgets, now)
            self._restore(quotas, now)
            known = self._known[key] = _Known(account, quotas)
        return known.quotas

    def _restore(self, quotas: Quotas, now: float) -> None:
        """What is stored of a spend is a lower bound of what is counted: after the counters were lost."""
        for limit, spent in quotas.stored:
            if (limit.counter, spent) not in self._restored:
                if len(self._restored) >= _MOST_REMEMBERED:
                    self._restored.clear()
                self._restored.add((limit.counter, spent))
                self.counters.restore(limit, spent, now)

    def spend_of(self, entity: Entity) -> int:
        """What is spent of the present window of an entity's budget, in nano-dollars."""
        limit, now, budget = main_budget(entity, self._rules.budgets), self._now(), entity.budget
        is_over = budget.duration is not None and (budget.reset_at or 0.0) <= now
        return max(self.counters.read([limit], now)[0].spent, 0 if is_over else budget.spend)

    def set_spend(self, entity: Entity, spent: int) -> None:
        """An operator has set it. What calls in flight have reserved stays."""
        limit, now = main_budget(entity, self._rules.budgets), self._now()
        self.counters.reset(limit, now)
        self.counters.restore(limit, spent, now)

    def end(self, quota: "_Quota", amounts: Amounts | None) -> bool:
        """Settle, or release without amounts. False if it had ended before."""
        now = self._now()
        if amounts is None:
            return self.counters.release(quota.reservation, now)
        ended = self.counters.settle(quota.reservation, amounts, now)
        if ended and self._on_spend is not None:
            budgets = [
                (share.limit, share.used - share.amount + used_of(share, amounts))
                for share in quota.reservation.shares
                if share.limit.counter.measure == "spend"
            ]
            if budgets:
                self._on_spend([limit for limit, _ in budgets], [used for _, used in budgets], quota.call)
        return ended


class _Quota:
    """See CallQuota."""

    __slots__ = ("_amounts", "_estimate", "_headers", "_meter", "call", "reservation")

    def __init__(
        self,
        meter: Meter,
        call: Call,
        reservation: Reservation,
        estimate: CallEstimate,
        headers: tuple[tuple[str, str], ...],
    ) -> None:
        self._meter = meter
        self._estimate = estimate
        self._headers = headers
        self._amounts: Amounts | None = None
        self.call = call
        self.reservation = reservation

    def settle(self, tokens: int | None, nanodollars: int | None) -> int:
        counted = self._estimate.nanodollars or 0 if nanodollars is None else nanodollars
        amounts = Amounts(self._estimate.tokens if tokens is None else tokens, counted)
        if self._meter.end(self, amounts):
            self._amounts = amounts
        return counted

    def release(self) -> None:
        self._meter.end(self, None)

    def headers(self) -> Sequence[tuple[str, str]]:
        shares, amounts = self.reservation.shares, self._amounts
        used = [
            share.used
            if amounts is None or share.limit.counter.measure in ("parallel", "requests")
            else share.used - share.amount + used_of(share, amounts)
            for share in shares
        ]
        return [*self._headers, *quota_headers(shares, used)]


def _slowed(limits: Sequence[Limit], refused: Refused, share: float) -> list[Limit]:
    """The key's budgets count without refusing, and its rates are a share of what they were, at least 1."""
    counter = refused.limit.counter
    slowed = []
    for limit in limits:
        own = (limit.counter.kind, limit.counter.id) == (counter.kind, counter.id)
        if own and limit.counter.measure == "spend":
            slowed.append(limit._replace(maximum=None))
        elif own and limit.maximum is not None and limit.counter.measure != "parallel":
            slowed.append(limit._replace(maximum=max(1, int(limit.maximum * share))))
        else:
            slowed.append(limit)
    return slowed
