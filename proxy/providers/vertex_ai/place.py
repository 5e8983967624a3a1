"""Where on Vertex AI a model is: project, location, host and path.

https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from proxy.domain.deployment import Deployment
from proxy.domain.google_project import NO_PROJECT, PROJECT, UNKNOWN_PROJECT, project_of_key
from proxy.errors import BadRequestError, ConfigurationError
from proxy.providers.gemini.models import thinks_in_levels
from proxy.providers.translation.json_reading import find_object

DEFAULT_LOCATION = "us-central1"
# A client may name these, and one becomes part of a host: nothing in them may lead elsewhere.
_LOCATION = re.compile(r"[a-z0-9-]{1,40}")
_MULTI_REGIONS = frozenset({"us", "eu"})
# Providers that ask for everything in another version than a method's usual one.
_VERSIONS: Mapping[str, str] = {"vertex_ai_beta": "v1beta1"}
_VERSION = re.compile(r"/v\d\w*$")


class Resource(NamedTuple):
    """What is called below a location, and the method: `publishers/google/models/x`, `:generateContent`."""

    path: str
    method: str
    version: str = "v1"


def build_url(deployment: Deployment, resource: Resource) -> str:
    """The address. An api_base may be a host, end in a version, a location, or, as LiteLLM has it, in the model."""
    base = deployment.api_base
    path = urlsplit(base).path if base else ""
    if base and re.search(r"/models/|/endpoints/\d", path):
        return base + resource.method
    if base and re.search(r"/endpoints/openapi$", path):
        return base + resource.path.removeprefix("endpoints/openapi") + resource.method
    if base and re.search(r"/projects/[^/]+/locations/[^/]+$", path):
        return f"{base}/{resource.path}{resource.method}"
    location = read_location(deployment)
    base = base or f"https://{find_host(location)}"
    version = "" if _VERSION.search(path) else "/" + (_VERSIONS.get(deployment.provider) or resource.version)
    return f"{base}{version}/projects/{read_project(deployment)}/locations/{location}/{resource.path}{resource.method}"


def find_host(location: str) -> str:
    """Regions have a host each, `us` and `eu` one of another form, `global` the plain one."""
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def read_location(deployment: Deployment) -> str:
    """The deployment's, else LiteLLM's default; Gemini 3 and later are served from `global` only."""
    given = _first(deployment.connection, "vertex_location", "vertex_ai_location", "region_name")
    if given is None:
        return "global" if thinks_in_levels(deployment.model) else DEFAULT_LOCATION
    if not _LOCATION.fullmatch(given):
        raise BadRequestError("vertex_location is made of a-z, 0-9 and hyphens", param="vertex_location")
    return given


def read_project(deployment: Deployment) -> str:
    """The deployment's, else the one that its key belongs to; UNKNOWN_PROJECT where only the credentials know it."""
    connection = deployment.connection
    given = _first(connection, "vertex_project", "vertex_ai_project") or _project_of_key(connection)
    if given is None and not deployment.api_key and not deployment.client_owned:
        return UNKNOWN_PROJECT
    if given is None:
        raise ConfigurationError(NO_PROJECT.format(deployment.provider), provider=deployment.provider)
    if not PROJECT.fullmatch(given):
        raise BadRequestError("vertex_project is no project's id", param="vertex_project")
    return given


def _first(connection: Mapping[str, Any], *names: str) -> str | None:
    return next((str(connection[name]) for name in names if connection.get(name)), None)


def _project_of_key(connection: Mapping[str, Any]) -> str | None:
    """The project of credentials that are given as such; the path of a file is followed by the credentials only."""
    key = connection.get("vertex_credentials") or connection.get("vertex_ai_credentials")
    if isinstance(key, str) and key.lstrip().startswith("{"):
        key = find_object(key)
    return project_of_key(key) if isinstance(key, Mapping) else None


def key_headers(key: str | None) -> dict[str, str]:
    """Google's API keys have a header of their own; everything else that is given as a key is a token."""
    if not key:
        return {}
    return {"x-goog-api-key": key} if key.startswith(("AIza", "AQ.")) else {"authorization": f"Bearer {key}"}
