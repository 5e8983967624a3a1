"""A request's body into a Call: JSON, checked by a schema, the gateway's own fields taken out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import Request
from marshmallow import ValidationError

from proxy.dialects.registry import DIALECTS
from proxy.domain.bridged import BridgedDocument
from proxy.domain.call import NO_OPTIONS, Call
from proxy.domain.deployment import is_connection_param
from proxy.domain.json_text.codec import DepthError
from proxy.domain.json_text.document import Document, NotAnObjectError
from proxy.domain.operations import Operation
from proxy.domain.requester import NO_OWNER, Requester
from proxy.domain.upload import Upload
from proxy.errors import BadRequestError
from proxy.runtime import Runtime
from proxy.web.call_options import own_headers, read_options
from proxy.web.client_timeouts import ClientTimeouts
from proxy.web.client_watch import SocketWatch
from proxy.web.current import Caller, current_caller, current_request
from proxy.web.end_user import EndUserReader, session_of
from proxy.web.form_fields import read_fields
from proxy.web.multipart import TYPE as MULTIPART
from proxy.web.receiving import read_form, read_json
from proxy.web.unhonoured import CACHE_FIELDS, refuse_unhonoured
from proxy.web.upload import read_upload
from schemas.problems import first_problem
from schemas.request import OPTION_FIELDS, UNSUPPORTED_FIELDS, RequestSchema, check

# LiteLLM's, not ours: named in x-litellm-dropped-params.
_UNSERVED_HEADERS = ("x-litellm-priority", "x-litellm-keepalive-seconds", "x-litellm-disable-callbacks")
# Body fields that look like connection parameters but are the provider's business.
_NOT_CONNECTION = frozenset({"headers"})


_USER_MEMBERS = frozenset({"user", "safety_identifier"})


class RequestReader:
    """One per application.

    `default_models`: the model for a body that names none, by the operation's name. `check_open` raises
    ServiceUnavailableError while the gateway is stopping: then no body is read. `end_users` finds the end user of a call.
    """

    def __init__(
        self,
        runtime: Runtime,
        timeouts: ClientTimeouts,
        default_models: Mapping[str, str],
        check_open: Callable[[], None],
        end_users: EndUserReader | None = None,
        *,
        caches: bool = False,
    ) -> None:
        self._runtime = runtime
        self._timeouts = timeouts
        self._default_models = default_models
        self._check_open = check_open
        self._end_users = end_users or EndUserReader()
        self._caches = caches

    def read(
        self, operation: Operation, model_in_path: str | None = None, schema: type[RequestSchema] | None = None
    ) -> Call:
        """The request that is being served, as a call.

        The model in the path wins over the body's; the default is for a body that names none. Raise BadRequestError,
        naming the field, for a body that breaks the schema (by default the operation's).
        """
        self._check_open()
        schema = operation.schema if schema is None else schema
        request, caller = current_request(), current_caller()
        environ = request.environ
        upload = None
        if operation.body == "multipart" and request.mimetype == MULTIPART:
            document, upload = self._read_upload(operation, request)
        else:
            document = _parse(read_json(request, self._timeouts))
        body = _with_extra(document.fields)
        model = model_in_path
        if model is None and body.get("model") is None:
            model = self._default_models.get(operation.name)
        if model is not None:
            body["model"] = model
        check_body(schema, body)
        if operation.body == "multipart":
            check_files(schema, upload, body)
        if environ.get("QUERY_STRING"):
            _add_api_version(body, request)
        own = () if _plain_names(schema).issuperset(body) else tuple(filter(_is_own, body))
        if own:
            refuse_unhonoured(body, own, caches=self._caches)
        headers = own_headers(environ)
        stream_member, stream_value = operation.stream_when
        stream = body.get(stream_member) == stream_value and operation.streams
        options = read_options(body, headers) if own or headers else NO_OPTIONS
        users = self._end_users
        return Call(
            id=caller.call_id,
            operation=operation,
            model=body["model"],
            document=_provider_bound(document, body, own) if own or model is not None else document,
            options=options,
            stream=stream,
            include_usage=stream and _wants_usage(body.get("stream_options")),
            started=self._runtime.monotonic(),
            started_at=self._runtime.now(),
            key_alias=caller.key.alias,
            requester=requester_of(request, caller),
            client=SocketWatch.of(environ),
            received=caller.started,
            ignored=_unserved(own, headers, self._caches) if own or headers else (),
            account=caller.account,
            end_user=users.find(environ, body)
            if headers or own or users.has_headers or not _USER_MEMBERS.isdisjoint(body)
            else None,
            upload=upload,
        )

    def read_bytes(self) -> bytes:
        """The body of the request that is being served, as it came."""
        self._check_open()
        return read_json(current_request(), self._timeouts)

    def read_form(self) -> dict[str, str]:
        """The fields of a page's form."""
        return read_form(current_request(), self._timeouts)

    def _read_upload(self, operation: Operation, request: Request) -> tuple[Document, Upload]:
        """The members and the files. What takes files takes JSON as well."""
        form = read_upload(request, self._timeouts)
        return Document.of(read_fields(operation.schema, form.texts)), form.upload

    def read_dialect(self, operation: Operation, model_in_path: str | None = None, stream: bool | None = None) -> Call:
        """A request in another dialect than OpenAI's, as a call: see Operation.dialect.

        Members that the operation's schema declares are the provider's, whatever they mean elsewhere. `stream` is for
        paths that decide it themselves. Raise BadRequestError, naming the field.
        """
        self._check_open()
        request, caller = current_request(), current_caller()
        environ = request.environ
        document = _parse(read_json(request, self._timeouts))
        body = _with_extra(document.fields)
        model = model_in_path or body.get("model") or self._default_models.get(operation.name)
        if model is not None:
            body["model"] = model
        check_body(operation.schema, body)
        own = tuple(name for name in body if name not in operation.schema.provider_members and _is_own(name))
        refuse_unhonoured(body, own, caches=self._caches)
        native = _provider_bound(document, body, own)
        if stream is not None:
            # The pivot has it as a member; a path of the dialect decides it for both forms.
            native = native.edit({"stream": True}) if stream else native.edit(drop=["stream"])
        headers = own_headers(environ)
        end_user, metadata = self._end_users.find(environ, body), body.get("metadata")
        native, body = _split_metadata(native, body, operation.schema)
        options = {name: value for name, value in headers.items() if name not in operation.headers}
        wanted = read_options(body, options) if own or options or "metadata" in body else NO_OPTIONS
        session = session_of(metadata.get("user_id")) if isinstance(metadata, dict) else None
        if session is not None:
            wanted = replace(wanted, metadata={"session_id": session, **wanted.metadata})
        return Call(
            id=caller.call_id,
            operation=operation.pivot or operation,
            model=body["model"],
            document=BridgedDocument(DIALECTS[operation.dialect].read_request, native),
            options=wanted,
            stream=operation.streams and (bool(body.get("stream")) if stream is None else stream),
            include_usage=True,
            started=self._runtime.monotonic(),
            started_at=self._runtime.now(),
            key_alias=caller.key.alias,
            requester=requester_of(request, caller),
            client=SocketWatch.of(environ),
            received=caller.started,
            dialect=operation.dialect,
            native=native,
            asked=operation,
            headers=_headers_of(environ, operation.headers),
            ignored=_unserved(own, headers, self._caches),
            account=caller.account,
            end_user=end_user,
        )


def _split_metadata(
    native: Document, body: dict[str, Any], schema: type[RequestSchema]
) -> tuple[Document, dict[str, Any]]:
    """The provider's part of `metadata` in the native body, the gateway's in the other, which is read for options."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not schema.provider_metadata:
        return native, body
    provider = {name: value for name, value in metadata.items() if name in schema.provider_metadata}
    own = {name: value for name, value in metadata.items() if name not in provider}
    if own:
        native = native.edit({"metadata": provider}) if provider else native.edit(drop=["metadata"])
        return native, {**body, "metadata": own}
    return native, {name: value for name, value in body.items() if name != "metadata"}


def _headers_of(environ: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, str]:
    found = ((name, environ.get("HTTP_" + name.upper().replace("-", "_"))) for name in names)
    return {name: value for name, value in found if value}


def _unserved(own: Sequence[str], headers: Mapping[str, str], caches: bool) -> tuple[str, ...]:
    fields = UNSUPPORTED_FIELDS.intersection(own)
    return (
        *sorted(fields - CACHE_FIELDS if caches else fields),
        *(name for name in _UNSERVED_HEADERS if name in headers),
    )


def _is_own(name: str) -> bool:
    """Whether a body's member is the gateway's and not the provider's."""
    if name in OPTION_FIELDS or name in UNSUPPORTED_FIELDS:
        return True
    return is_connection_param(name) and name not in _NOT_CONNECTION


@lru_cache(maxsize=32)
def _plain_names(schema: type[RequestSchema]) -> frozenset[str]:
    """The provider's members in the schema: most bodies have no others."""
    return frozenset(name for name in schema().fields if not _is_own(name))


def check_body(schema: type[RequestSchema], body: dict[str, Any]) -> None:
    """Raise BadRequestError, naming the field, for a body that breaks the schema."""
    try:
        check(schema, body)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadRequestError(problem.message, param=problem.param) from None


def check_files(schema: type[RequestSchema], upload: Upload | None, body: Mapping[str, Any]) -> None:
    """Raise BadRequestError, naming the field, for a file that is missing, empty or one too many."""
    for field, rule in schema.files.items():
        files = upload.named(field) if upload is not None else ()
        if not files and rule.required and not any(body.get(name) for name in rule.instead):
            raise BadRequestError(f"The form has no file '{field}'.", param=field)
        if len(files) > rule.most:
            raise BadRequestError(f"The form has more than {rule.most} files '{field}'.", param=field)
        if any(not file.content.size for file in files):
            raise BadRequestError(f"The file '{field}' is empty.", param=field)


def requester_of(request: Request, caller: Caller) -> Requester:
    return Requester(
        request_id=caller.request_id,
        route=request.path,
        ip_address=request.remote_addr,
        user_agent=request.environ.get("HTTP_USER_AGENT"),
        key_hash=caller.key.digest,
        traceparent=request.environ.get("HTTP_TRACEPARENT"),
        owner=NO_OWNER if caller.account is None else caller.account.owner,
    )


def _parse(raw: bytes) -> Document:
    try:
        document = Document.parse(raw)
    except NotAnObjectError:
        raise BadRequestError("The body must be a JSON object.", param="request_body") from None
    except DepthError as error:
        raise BadRequestError(f"The body is {error}.", param="request_body") from None
    except ValueError as error:
        raise BadRequestError(f"The body is not valid JSON: {error.args[0]}", param="request_body") from None
    repeated = document.repeated()
    if repeated is not None:
        raise BadRequestError(f"The field '{repeated}' is in the body more than once.", param=repeated)
    return document


def _with_extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body's members, and below them those of its `extra_body`: OpenAI's SDK puts them there itself."""
    extra = fields.get("extra_body")
    return {**extra, **fields} if isinstance(extra, dict) else dict(fields)


def _provider_bound(document: Document, body: Mapping[str, Any], own: Sequence[str]) -> Document:
    changes = {"model": body["model"]} if document.fields.get("model") != body["model"] else {}
    extra_body = body.get("extra_body")
    if extra_body:
        changes.update({name: body[name] for name in extra_body if name not in own})
    return document.edit(changes, own)


def _add_api_version(body: dict[str, Any], request: Request) -> None:
    """Azure's clients send the version in the query."""
    version = request.args.get("api-version")
    if version:
        body.setdefault("api_version", version)


def _wants_usage(stream_options: object) -> bool:
    """Whether the client wants a chunk of usage; for a wrong value the schema has the words."""
    return isinstance(stream_options, dict) and bool(stream_options.get("include_usage"))


def read_object() -> dict[str, Any]:
    """The JSON object of a request that is no call. Raise BadRequestError for anything else."""
    parts = current_request()
    return dict(_parse(parts.get_data()).fields)
