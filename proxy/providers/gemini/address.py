"""Where a Gemini model is: the API's base, and the model's resource below it."""

import re
from urllib.parse import quote

from proxy.domain.deployment import Deployment

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
_ROOT = re.compile(r"^[a-z]+://[^/]+$")


def build_base(deployment: Deployment) -> str:
    """A bare host gets the API's version; with a path the base is complete, as in LiteLLM."""
    base = deployment.api_base or BASE_URL
    return f"{base}/v1beta" if _ROOT.match(base) else base


def quote_model(model: str) -> str:
    """`models/<name>`, or `tunedModels/<name>` where the name has that prefix; nothing in a name can leave its segment."""
    kind, slash, name = model.partition("/")
    if not slash or kind not in ("models", "tunedModels"):
        kind, name = "models", model
    return f"{kind}/{quote(name, safe='')}"
