"""The sink that stores what calls cost."""

from proxy.assembly.accounts import storage_inputs
from proxy.assembly.metering import build_calendar
from proxy.gateway.budget_windows import seconds_of
from proxy.runtime import Runtime
from proxy.settings import Settings
from proxy.storage.spend_sink import SpendSink, Store
from proxy.storage.storage import Storage


def build_spend(settings: Settings, runtime: Runtime, storage: Storage | None) -> SpendSink | None:
    """None where nothing can be stored. Nothing is stored either before there is a database or the embedded file."""
    if storage is None:
        return None
    general = settings.general
    kept = general.maximum_spend_logs_retention_period
    window_of = build_calendar(settings).window

    def open_store() -> Store:
        from proxy.storage.spend_store import SpendStore  # noqa: PLC0415  only where something is stored

        return SpendStore(storage.database(), window_of, keeps_rows=not general.disable_spend_logs)

    return SpendSink(
        settings.state_folder / "spend",
        storage.exists,
        open_store,
        runtime,
        general.proxy_batch_write_at,
        None if kept is None else seconds_of(kept),
    )


def spend_inputs(settings: Settings) -> tuple[object, ...]:
    """What the sink is built from."""
    general, litellm = settings.general, settings.litellm
    kept = (general.disable_spend_logs, general.proxy_batch_write_at, general.maximum_spend_logs_retention_period)
    return (*storage_inputs(settings), *kept, litellm.timezone, litellm.budget_reset_time)
