"""The composition root: the only file that uses every package."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flask import Flask

from proxy import endpoints
from proxy.assembly.gateway import build_base_of, build_parts
from proxy.assembly.load_shedding import build_request_queue
from proxy.assembly.reload import share_secrets, transport_inputs
from proxy.assembly.transport import build_transport
from proxy.dispatch.exchange import Sender
from proxy.domain.requester import NO_KEY
from proxy.endpoints import metrics
from proxy.fastpath import door
from proxy.host.kept import Kept
from proxy.runtime import Runtime
from proxy.settings import Settings, load_default
from proxy.settings.load import environment
from proxy.web import client_timeouts, cors, errors, identity, load_shedding, local_access
from proxy.web.compression import compress_answer
from proxy.web.parts import EXTENSION
from proxy.web.root_path import below


def create_app(
    settings: Settings | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    transport: Sender | None = None,
    runtime: Runtime | None = None,
    shared_path: Path | None = None,
    kept: Kept | None = None,
) -> Flask:
    """A fresh gateway.

    Without `settings` they are read from the environment. `shared_path`: where the workers of this gateway share
    the router's state; None for a single process. `kept`: the parts that the application before a reload has left.
    Raise ConfigError if the settings are wrong.
    """
    kept = kept or Kept()
    runtime = kept.part("runtime", None, lambda: runtime or Runtime())
    settings = settings or load_default(environment() if environ is None else environ)
    settings = replace(settings, secrets=share_secrets(settings, kept))
    transport = transport or kept.part(
        "transport", transport_inputs(settings), lambda: build_transport(settings, runtime)
    )
    general, litellm = settings.general, settings.litellm
    app = door.app_class(settings.fast_path)("patchbay", static_folder=None)
    # Neither is answered by a redirect to the Host header's address.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = int(general.max_request_size_mb * 1024 * 1024)
    app.config["MAX_UPLOAD_LENGTH"] = int(general.max_upload_size_mb * 1024 * 1024)
    limits = (general.receive_timeout, general.send_timeout)
    timeouts = kept.part(
        "client timeouts", limits, lambda: client_timeouts.ClientTimeouts(runtime.monotonic, runtime.sleep, *limits)
    )
    parts = build_parts(settings, transport, runtime, timeouts, shared_path, kept)
    app.extensions[EXTENSION] = parts
    identity.install(
        app,
        runtime,
        settings.master_key,
        parts.directory.find,
        facts=NO_KEY if litellm.redact_user_api_key_info else identity.key_facts(settings.master_key),
        open_views=() if litellm.require_auth_for_metrics_endpoint else metrics.VIEWS,
    )
    errors.install(
        app,
        runtime,
        settings.secrets.mask,
        build_base_of(settings),
        parts.gateway.refuse,
        parts.refusals,
    )
    cors.install(app, general.cors_allow_origins, has_key=settings.master_key is not None)
    if settings.master_key is None:
        local_access.install(app, cors.build_allowed(general.cors_allow_origins, has_key=False))
    if (queue := build_request_queue(settings, parts.observation, runtime, kept)) is not None:
        load_shedding.install(app, queue)
    client_timeouts.install(app, timeouts, *([compress_answer] if general.compress_answers else []))
    endpoints.register(app)
    if settings.root_path:
        app.wsgi_app = below(settings.root_path, app.wsgi_app)  # type: ignore[assignment,method-assign]
    return app
