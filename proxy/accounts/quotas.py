"""Which counters a call is counted in: every limit and budget of its key and of all that the key belongs to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from proxy.counters.values import DAY, LIFETIME, MINUTE, Limit, Measure, Window, build_limit
from proxy.domain.account import Account, Budget, BudgetWindow, Entity, Limits, Subject

# (duration, anchor) -> the windows of a budget; None is the whole lifetime.
WindowOf = Callable[[str | None, float], Window]

# How clients read the subjects: LiteLLM's names.
SCOPES = {"key": "api_key", "member": "team_member"}
# Of one model, or one tag, of a subject.
MODEL_SCOPES = {"key": "model_per_key", "team": "model_per_team", "member": "model_per_team_member"}
# The global budget of the gateway.
GLOBAL: Subject = ("global", "proxy")


@dataclass(frozen=True, slots=True)
class Quotas:
    """`limits` are checked in their order: budgets first. `soft` are budgets that only alert.

    `until` (Unix seconds): when a temporary increase ends. `stored` are budgets of which a spend is stored: a lower bound.
    """

    limits: tuple[Limit, ...] = ()
    soft: tuple[Limit, ...] = ()
    until: float | None = None
    stored: tuple[tuple[Limit, int], ...] = ()
    has_budgets: bool = field(init=False, default=False)
    has_tokens: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        measures = {limit.counter.measure for limit in self.limits}
        object.__setattr__(self, "has_budgets", "spend" in measures)
        object.__setattr__(self, "has_tokens", "tokens" in measures)

    def without_budgets(self) -> "Quotas":
        """For a model that costs nothing."""
        return replace(self, limits=tuple(limit for limit in self.limits if limit.counter.measure != "spend"))


NO_QUOTAS = Quotas()


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """What the configuration decides about budgets.

    `window_of` makes windows in the operator's zone. `fail_closed`: a call whose estimate is more than what is left of a
    budget is refused; otherwise it reserves what is left. `user_budget_for_teams`: a user's budget also counts
    the calls of the user's keys in teams. `everything` is the budget of the whole gateway.
    """

    window_of: WindowOf
    fail_closed: bool = False
    user_budget_for_teams: bool = False
    everything: Budget | None = None


def quotas_of(
    account: Account | None, model: str, further: Sequence[Entity], tags: Sequence[str], rules: BudgetRules, now: float
) -> Quotas:
    """The quotas of a call for `model`. `further` are its end user and tags, as far as they are limited; `tags` are all.

    No account: only the gateway's budget and those of `further` count.
    """
    entities = [*(account.entities() if account else ()), *further]
    budgeted = [entity for entity in entities if _is_budgeted(entity, account, rules)]
    limits = [limit for entity in budgeted for limit in _budgets(entity, model, rules, now)]
    if rules.everything is not None:
        limits += _of_budget(GLOBAL, rules.everything, rules, now)
    for entity in entities:
        limits += _rates(entity.subject, entity.limits)
        limits += _model_rates(entity, model)
    if account is not None and account.key.limits.tag_rpm:
        limits += _tag_rates(account.key, tags)
    soft = [
        build_limit(
            entity.subject, "spend", entity.budget.soft, rules.window_of(entity.budget.duration, entity.budget.anchor)
        )
        for entity in entities
        if entity.budget.soft is not None
    ]
    stored = [
        (main_budget(entity, rules), entity.budget.spend) for entity in budgeted if _is_current(entity, rules, now)
    ]
    increases = [entity.budget.increase_until for entity in entities]
    return Quotas(
        tuple(_once(limits)),
        tuple(soft),
        min((at for at in increases if at is not None and at > now), default=None),
        tuple(stored),
    )


def main_budget(entity: Entity, rules: BudgetRules) -> Limit:
    """The counter of an entity's own budget, whether it has a maximum or not."""
    budget = entity.budget
    return _budget_limit(entity.subject, BudgetWindow(0, budget.duration), budget, rules)._replace(
        maximum=budget.maximum
    )


def _is_current(entity: Entity, rules: BudgetRules, now: float) -> bool:
    """Whether the stored spend is that of the present window of a budget."""
    budget = entity.budget
    if not budget.spend or (budget.maximum is None and budget.soft is None):
        return False
    if budget.duration is None:
        return True
    _, end = rules.window_of(budget.duration, budget.anchor).bounds(now)
    return budget.reset_at is not None and abs(budget.reset_at - end) < 1


def _is_budgeted(entity: Entity, account: Account | None, rules: BudgetRules) -> bool:
    """A user's budget is for the user's own keys, unless the configuration says otherwise."""
    return entity.kind != "user" or account is None or account.team is None or rules.user_budget_for_teams


def _budgets(entity: Entity, model: str, rules: BudgetRules, now: float) -> Iterator[Limit]:
    """A soft budget is counted, too: without a maximum."""
    yield from _of_budget(entity.subject, entity.budget, rules, now)
    by_model = entity.budget.by_model.get(model)
    if by_model is not None:
        yield _budget_limit(model_subject(entity.subject, model), by_model, entity.budget, rules)


def _of_budget(subject: Subject, budget: Budget, rules: BudgetRules, now: float) -> list[Limit]:
    limits: list[Limit] = []
    maximum = budget.maximum_at(now)
    if maximum is not None or budget.soft is not None:
        limits.append(_budget_limit(subject, BudgetWindow(0, budget.duration), budget, rules)._replace(maximum=maximum))
    return limits + [_budget_limit(subject, window, budget, rules) for window in budget.windows]


def _budget_limit(subject: Subject, window: BudgetWindow, budget: Budget, rules: BudgetRules) -> Limit:
    return build_limit(
        subject, "spend", window.maximum, rules.window_of(window.duration, budget.anchor), partial=not rules.fail_closed
    )


def _rates(subject: Subject, limits: Limits) -> Iterator[Limit]:
    if limits.rpm is not None:
        yield build_limit(subject, "requests", limits.rpm, MINUTE)
    if limits.tpm is not None:
        yield build_limit(subject, "tokens", limits.tpm, MINUTE)
    if limits.tpd is not None:
        yield build_limit(subject, "tokens", limits.tpd, DAY)
    if limits.parallel is not None:
        yield build_limit(subject, "parallel", limits.parallel, LIFETIME)


def _model_rates(entity: Entity, model: str) -> Iterator[Limit]:
    subject = model_subject(entity.subject, model)
    maxima: list[tuple[Measure, int | None]] = [
        ("requests", entity.limits.model_rpm.get(model)),
        ("tokens", entity.limits.model_tpm.get(model)),
    ]
    for measure, maximum in maxima:
        if maximum is not None:
            yield build_limit(subject, measure, maximum, MINUTE)


def _tag_rates(key: Entity, tags: Sequence[str]) -> Iterator[Limit]:
    for tag in dict.fromkeys(tags):
        if tag in key.limits.tag_rpm:
            yield build_limit(("tag_per_key", f"{key.id}:{tag}"), "requests", key.limits.tag_rpm[tag], MINUTE)


def model_subject(subject: Subject, model: str) -> Subject:
    """One model of a subject: it has counters of its own."""
    kind, identifier = subject
    return MODEL_SCOPES.get(kind, f"model_per_{kind}"), f"{identifier}:{model}"


def _once(limits: Sequence[Limit]) -> Iterator[Limit]:
    """Each counter once, with the smallest maximum that it is given: a store refuses repeated counters."""
    found: dict[object, Limit] = {}
    for limit in limits:
        known = found.get(limit.counter)
        if known is None or _bound(limit) < _bound(known):
            found[limit.counter] = limit
    yield from found.values()


def _bound(limit: Limit) -> float:
    return float("inf") if limit.maximum is None else limit.maximum
