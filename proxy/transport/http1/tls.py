"""TLS for the lean adapter: one context for each way of verifying, and sessions that save a round trip."""

import socket
import ssl
import threading
from collections import OrderedDict
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from proxy.transport.origin import Origin

_SESSIONS_KEPT = 1024


class TLS:
    """Contexts and sessions of one adapter; safe for threads."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[bool | str, str | tuple[str, str] | None], ssl.SSLContext] = {}
        self._sessions: OrderedDict[Origin, ssl.SSLSession] = OrderedDict()
        self._lock = threading.Lock()

    def wrap(self, connected: socket.socket, origin: Origin) -> ssl.SSLSocket:
        """The socket with TLS on it, its handshake still to be done; the certificate must be for `origin.host`."""
        return self._context(origin).wrap_socket(
            connected,
            server_hostname=origin.host,
            do_handshake_on_connect=False,
            session=self._sessions.get(origin),
        )

    def remember(self, secured: ssl.SSLSocket, origin: Origin) -> None:
        """Keep the session for the next connection; TLS 1.3 has it only after the first answer."""
        session = secured.session
        if session is None or session is self._sessions.get(origin):
            return
        with self._lock:
            self._sessions[origin] = session
            if len(self._sessions) > _SESSIONS_KEPT:
                self._sessions.popitem(last=False)

    def _context(self, origin: Origin) -> ssl.SSLContext:
        key = (origin.verify, origin.cert)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = build_context(*key)
        return context


def build_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """True is requests' bundle of authorities, a path a file or directory of others, False none at all."""
    bundle = DEFAULT_CA_BUNDLE_PATH if verify is True else verify or None
    is_directory = bundle is not None and Path(bundle).is_dir()
    context = ssl.create_default_context(
        cafile=None if is_directory else bundle, capath=bundle if is_directory else None
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    return context
