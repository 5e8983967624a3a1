"""The project of a Vertex AI deployment that names none: the one that its credentials belong to.

The provider writes the address and can't read files; the credentials can. They agree on a word in the project's place.
"""

import re
from collections.abc import Mapping
from typing import Any

# No project's id has a tilde.
UNKNOWN_PROJECT = "~project~"
# It becomes a segment of a path: nothing in it may lead elsewhere.
PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_:-]|\.(?!\.)){0,99}")
NO_PROJECT = "{} needs a project: set litellm_params.vertex_project or VERTEXAI_PROJECT"


def project_of_key(key: Mapping[str, Any]) -> str | None:
    """The project that a key belongs to; for a user's key or a federated one, the one that its calls are billed to."""
    found = (key.get(name) for name in ("project_id", "quota_project_id"))
    return next((project for project in found if isinstance(project, str) and project), None)
