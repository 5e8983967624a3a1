"""The accounts of the configuration, and where those that are made at run time are kept."""

import logging
from pathlib import Path
from secrets import token_urlsafe

from proxy.accounts.declared import NOTHING_DECLARED
from proxy.accounts.key_form import PREFIX
from proxy.assembly.metering import build_calendar
from proxy.gateway.account_directory import POLL_SECONDS, AccountDirectory
from proxy.gateway.limited_entities import LimitedEntities
from proxy.gateway.metering import Meter
from proxy.host.kept import Kept
from proxy.host.shared_file import SharedFileError
from proxy.host.version_counter import VersionCounter
from proxy.management.context import KeyRules, Management
from proxy.management.services import AccountServices, build_services
from proxy.runtime import Runtime
from proxy.settings import ConfigError, Settings
from proxy.storage.errors import DatabaseDownError, NewerSchemaError
from proxy.storage.storage import Storage

_log = logging.getLogger("patchbay.accounts")


def build_storage(settings: Settings, runtime: Runtime) -> Storage | None:
    """None without a master key: then there are no keys. Raise ConfigError for a database that can't be used at all."""
    if settings.master_key is None:
        return None
    storage = Storage(settings.database_url, settings.state_folder / "patchbay.db", runtime.now)
    if storage.exists():
        try:
            storage.accounts().database.check()
        except ModuleNotFoundError as missing:
            raise ConfigError(
                f"general_settings.database_url: {missing.name} is missing: pip install 'patchbay[postgres]'"
            ) from None
        except NewerSchemaError as error:
            raise ConfigError(f"general_settings.database_url: {error}") from None
        except DatabaseDownError as error:
            _log.warning("The database can't be used: %s. Keys of the configuration file are served.", error)
    return storage


def storage_inputs(settings: Settings) -> tuple[object, ...]:
    """Where accounts are stored."""
    return (settings.master_key is None, settings.database_url, settings.state_folder)


def build_directory(
    settings: Settings, runtime: Runtime, storage: Storage | None, shared_path: Path | None, kept: Kept
) -> AccountDirectory:
    """`shared_path`: see build_parts. A reload changes what the file declares, and keeps the accounts in memory."""
    redact = settings.litellm.redact_user_api_key_info

    def build() -> AccountDirectory:
        try:
            counter = VersionCounter(shared_path.with_suffix(".accounts") if shared_path and storage else None)
        except SharedFileError as error:
            raise ConfigError(f"the shared state of accounts: {error}") from None
        return AccountDirectory(
            NOTHING_DECLARED, storage, counter, runtime.monotonic, redact=redact, poll_seconds=POLL_SECONDS
        )

    directory = kept.part("account directory", (redact, *storage_inputs(settings)), build)
    directory.declare(settings.declared)
    return directory


def build_limited_entities(
    settings: Settings, runtime: Runtime, storage: Storage | None, directory: AccountDirectory
) -> LimitedEntities | None:
    """The end users and tags with limits; None without keys: then there are none."""
    if storage is None:
        return None
    budget = settings.litellm.max_end_user_budget_id
    return LimitedEntities(
        lambda: storage.accounts() if storage.exists() else None,
        directory.version,
        runtime.monotonic,
        lambda: directory.declared.budgets,
        budget,
    )


def build_management(
    settings: Settings, runtime: Runtime, storage: Storage | None, directory: AccountDirectory, meter: Meter
) -> AccountServices:
    calendar = build_calendar(settings)

    def window_end(duration: str, anchor: float, now: float) -> float:
        return float(calendar.window(duration, anchor).bounds(now)[1])

    litellm = settings.litellm
    return build_services(
        Management(
            storage=storage,
            declared=lambda: directory.declared,
            note_version=directory.note_version,
            now=runtime.now,
            new_id=runtime.new_id,
            random_key=lambda: f"{PREFIX}{token_urlsafe(16)}",
            window_end=window_end,
            rules=KeyRules(litellm.default_key_generate_params, litellm.upperbound_key_generate_params),
            spend_of=meter.spend_of,
            set_spend=meter.set_spend,
        )
    )
