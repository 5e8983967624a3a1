"""What the views of one application share, in `app.extensions["patchbay"]`."""

from dataclasses import dataclass, field

from proxy.cache.responses import Responses
from proxy.gateway.account_directory import AccountDirectory
from proxy.gateway.alerts import Alerts
from proxy.gateway.background_health import BackgroundHealth
from proxy.gateway.conversations import Conversations
from proxy.gateway.gateway import Gateway
from proxy.gateway.inspection import Inspection
from proxy.gateway.metering import Meter
from proxy.gateway.model_access import ModelAccess
from proxy.gateway.open_streams import OpenStreams
from proxy.host.config_state import ConfigState
from proxy.host.ended_sessions import EndedSessions
from proxy.host.kept import Kept
from proxy.management.services import AccountServices
from proxy.runtime import Runtime
from proxy.settings import Settings
from proxy.sinks.observation import Observation
from proxy.storage.spend_sink import SpendSink
from proxy.storage.storage import Storage
from proxy.web.body import RequestReader
from proxy.web.presenter import Presenter
from proxy.web.refusals import Refusals

EXTENSION = "patchbay"
# How long the end of a process may wait for its sinks, in seconds.
_CLOSING_SECONDS = 5.0


@dataclass(frozen=True)
class Parts:
    """`started_at` is Unix seconds. `config_state` is what the workers' parent reports of reloads, `kept` what outlives one."""

    settings: Settings
    runtime: Runtime
    gateway: Gateway
    conversations: Conversations
    inspection: Inspection
    streams: OpenStreams
    observation: Observation
    reader: RequestReader
    presenter: Presenter
    refusals: Refusals
    started_at: int
    access: ModelAccess
    directory: AccountDirectory
    accounts: AccountServices
    storage: Storage | None
    spend: SpendSink | None
    meter: Meter
    alerts: Alerts | None
    health: BackgroundHealth
    cache: Responses | None = None
    ended_sessions: EndedSessions = field(default_factory=EndedSessions)
    config_state: ConfigState | None = None
    kept: Kept = field(default_factory=Kept)

    def start(self) -> None:
        """In a process that serves: begin what runs in the background. Again after a reload."""
        self.health.start()

    def close(self) -> None:
        """At the end of the process: write the records that wait to be written."""
        self.observation.queue.close(_CLOSING_SECONDS)
        self.directory.close()
        if self.storage is not None:
            self.storage.close()
