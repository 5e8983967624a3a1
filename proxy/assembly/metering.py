"""Limits and budgets: how the configuration counts them, and where."""

import logging
from datetime import time
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from proxy.accounting.book import PriceBook
from proxy.accounting.prices import PriceTable
from proxy.accounts.quotas import BudgetRules
from proxy.assembly.reload import state_inputs
from proxy.counters.build import build_counters
from proxy.counters.store import CounterStore
from proxy.domain.account import Budget, nanodollars
from proxy.gateway.alerts import Alerts
from proxy.gateway.budget_windows import Calendar
from proxy.gateway.call_estimate import Estimator
from proxy.gateway.limited_entities import LimitedEntities
from proxy.gateway.metering import Meter, MeterRules
from proxy.host.kept import Kept
from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.settings import Settings

_FILE = "counters"
_log = logging.getLogger("patchbay.counters")


def build_meter(
    settings: Settings,
    runtime: Runtime,
    router: Router,
    prices: PriceTable,
    kept: Kept,
    shared_path: Path | None = None,
    entities: LimitedEntities | None = None,
    alerts: Alerts | None = None,
) -> Meter:
    """With a `shared_path` workers count together, in a file that outlives them; otherwise this process counts alone."""
    shared = shared_path is not None
    estimator = Estimator(router, PriceBook(prices))
    inputs = (state_inputs(settings), settings.state_folder, shared)
    counters = partial(kept.part, "counters", inputs, partial(open_counters, settings, shared=shared))
    further = entities.find if entities else None
    return Meter(
        counters, estimator, build_rules(settings), runtime.now, further, on_spend=alerts.on_spend if alerts else None
    )


def open_counters(settings: Settings, *, shared: bool) -> CounterStore:
    if not shared:
        return build_counters(settings.router)
    folder = settings.state_folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("%s can't be made (%s): each worker counts limits and budgets for itself", folder, error.strerror)
        return build_counters(settings.router)
    return build_counters(settings.router, folder / _FILE)


def build_calendar(settings: Settings) -> Calendar:
    return Calendar(ZoneInfo(settings.litellm.timezone), time.fromisoformat(settings.litellm.budget_reset_time))


def build_rules(settings: Settings) -> MeterRules:
    general, litellm = settings.general, settings.litellm
    everything = None
    if litellm.max_budget is not None:
        everything = Budget(nanodollars(litellm.max_budget), duration=litellm.budget_duration)
    return MeterRules(
        BudgetRules(
            build_calendar(settings).window,
            fail_closed=general.fail_closed_budget_enforcement,
            user_budget_for_teams=general.apply_user_budget_to_team_keys,
            everything=everything,
        ),
        budget_status=litellm.budget_exceeded_status_code,
        refuse_unpriced=litellm.block_requests_for_models_without_pricing,
        throttle_share=litellm.budget_exceeded_throttle_percentage,
    )
