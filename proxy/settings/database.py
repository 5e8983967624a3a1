"""Which database the configuration names, in the form that the storage takes."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from proxy.domain.secrets import Secret
from schemas.config import ConfigProblem, InvalidConfig

DATABASE_VARIABLE = "DATABASE_URL"
# Parameters of PostgreSQL's own client library; URLs written for LiteLLM carry Prisma's too.
_LIBPQ = frozenset(
    "host hostaddr port dbname user password sslmode sslcert sslkey sslrootcert sslpassword sslcrl channel_binding "
    "application_name options keepalives keepalives_idle target_session_attrs passfile service gssencmode".split()
)


def read_database_url(general: Mapping[str, Any], environ: Mapping[str, str]) -> Secret | None:
    """Raise InvalidConfig for a URL that is neither PostgreSQL's nor SQLite's."""
    given = general.get("database_url") or environ.get(DATABASE_VARIABLE)
    if not given:
        return None
    place = "general_settings.database_url" if general.get("database_url") else DATABASE_VARIABLE
    try:
        parts = urlsplit(given)
        scheme = parts.scheme.partition("+")[0]
    except ValueError:
        scheme = ""
    if scheme == "sqlite" and parts.path.lstrip("/"):
        return Secret(f"sqlite:///{parts.path.removeprefix('/')}")
    if scheme not in ("postgresql", "postgres") or (not parts.hostname and "host=" not in parts.query):
        raise InvalidConfig((ConfigProblem(place, "must be postgresql://user:password@host/name or sqlite:///path"),))
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _LIBPQ])
    return Secret(parts._replace(scheme="postgresql", query=query, fragment="").geturl())


def password_of(url: str | None) -> str | None:
    return urlsplit(url).password if url else None
