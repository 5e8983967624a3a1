"""One client request, as the gateway understands it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from proxy.domain.account import Account
from proxy.domain.bridged import BridgedDocument
from proxy.domain.cache_control import CacheControl
from proxy.domain.call_quota import CallQuota
from proxy.domain.conversation import Conversation
from proxy.domain.deployment import brings_connection
from proxy.domain.json_text.document import Document
from proxy.domain.operations import Operation
from proxy.domain.requester import NOBODY, Requester
from proxy.domain.secrets import MaskLease
from proxy.domain.upload import Upload
from proxy.domain.user_config import UserConfig
from proxy.domain.wire import ClientWatch


@dataclass(frozen=True, slots=True)
class Options:
    """What the client asked of the gateway itself; none of it is sent to a provider.

    Times are seconds. `overrides` are the client's own connection parameters (api_key, api_base, aws_* ...),
    `user_config` its own router configuration, `mock` the mock parameters of the request. `no_log`: only counters may
    see the call; `redact_content`: its record shows neither prompt nor answer. None means: not set.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    tags: tuple[str, ...] = ()
    num_retries: int | None = None
    timeout: float | None = None
    stream_timeout: float | None = None
    connect_timeout: float | None = None
    first_token_timeout: float | None = None
    idle_timeout: float | None = None
    fallbacks: Sequence[Any] | None = field(default=None, repr=False)
    context_window_fallbacks: Sequence[Mapping[str, Any]] | None = None
    content_policy_fallbacks: Sequence[Mapping[str, Any]] | None = None
    disable_fallbacks: bool = False
    fastest_response: bool = False
    stream_continuation: bool | None = None
    drop_params: bool | None = None
    additional_drop_params: tuple[str, ...] = ()
    allowed_openai_params: tuple[str, ...] = ()
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user_config: UserConfig | None = None
    mock: Mapping[str, Any] = field(default_factory=dict)
    no_log: bool = False
    redact_content: bool = False
    cache: CacheControl | None = None

    @property
    def is_isolated(self) -> bool:
        """Its outcome must not affect the operator's deployments: its connection is the client's own, or it is a mock."""
        return bool(self.mock) or brings_connection(self.overrides)


NO_OPTIONS = Options()


class Pin(NamedTuple):
    """The id of the deployment that keeps what a call refers to, and the model group that it answered for."""

    deployment: str
    model: str


class Call(NamedTuple):
    """`document` is the provider-bound body: OpenAI's form, the gateway's own fields already taken out.

    `model` is the name that the client asked for. `received` (the head is here) and `started` (the body is read) are
    monotonic seconds, `started_at` is Unix seconds. `dialect` names the client's wire form, and `native` is
    its body in that form where it is not OpenAI's (see Provider.native); `asked` is then the row of the path,
    `operation` its pivot, and `headers` are the client's headers that belong to its dialect. `ignored` names the fields
    that are known here and not honoured. `mask_leases` keep the client's own credentials masked while the call runs.
    `account` is the virtual key that was shown; None for the master key, and where there is none. `conversation` is for
    answers that clients refer to later; `pin` is where what the call refers to is kept: only
    deployments of that account can answer it.
    `quota` is what the call has reserved of its limits and budgets; None where it has none. `end_user` is the caller's customer.
    `upload` are the files of a form.
    """

    id: str
    operation: Operation
    model: str
    document: Document
    options: Options = NO_OPTIONS
    stream: bool = False
    include_usage: bool = False
    started: float = 0.0
    started_at: float = 0.0
    key_alias: str | None = None
    requester: Requester = NOBODY
    client: ClientWatch | None = None
    mask_leases: tuple[MaskLease, ...] = ()
    received: float = 0.0
    dialect: str = "openai"
    native: Document | None = None
    asked: Operation | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    ignored: tuple[str, ...] = ()
    account: Account | None = None
    conversation: Conversation | None = None
    pin: Pin | None = None
    quota: CallQuota | None = None
    end_user: str | None = None
    upload: Upload | None = None

    @property
    def fields(self) -> Mapping[str, Any]:
        """The provider-bound body, parsed. Never change it: a fallback reads it again."""
        return self.document.fields

    @property
    def observed_fields(self) -> Mapping[str, Any]:
        """The body for estimates and records: the client's own form as long as nothing needed its pivot."""
        document = self.document
        if self.native is None or (isinstance(document, BridgedDocument) and document.is_built):
            return document.fields
        return self.native.fields

    def asking(self, model: str, document: Document | None = None) -> "Call":
        """The same request for another model."""
        return self._replace(model=model, document=self.document if document is None else document)

    @property
    def observed_native(self) -> Mapping[str, Any]:
        """The body as the client wrote it."""
        return self.fields if self.native is None else self.native.fields

    def edited(self, changes: Mapping[str, Any]) -> "Call":
        """The call with top-level members of its body changed, in the client's own form where that is not OpenAI's."""
        if self.native is None or not isinstance(self.document, BridgedDocument):
            return self._replace(document=self.document.edit(changes))
        native = self.native.edit(changes)
        return self._replace(native=native, document=self.document.over(native))

    def member(self, model: str, position: int) -> "Call":
        """The call for one model of a request that names several."""
        return self.edited({"model": model})._replace(id=f"{self.id}-{position}", model=model)
