"""Where in AWS a deployment lives: its region and the model's id, read from the model name and the connection.

The provider puts both into the address and the signer signs for the region: they must read it alike.
https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
"""

import re
from typing import NamedTuple

from proxy.domain.deployment import Deployment
from proxy.errors import BadRequestError

# What LiteLLM takes when nothing names a region.
DEFAULT_REGION = "us-west-2"
_REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,12}){1,2}-\d{1,2}")
# The top of the host name, by the start of the region; the first that fits.
_DOMAINS = (
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eusc-", "amazonaws.eu"),
)
_ROUTES = ("converse/", "invoke/")


class AwsModel(NamedTuple):
    """`model_id` in AWS's form (an id, an inference profile or an ARN); `hint` the family in `llama/arn:...`."""

    model_id: str
    region: str
    hint: str = ""


def read_model(deployment: Deployment) -> AwsModel:
    """The model and region of `<model>`, `<region>/<model>`, `converse/<model>`, `<family>/<arn>` and their mixtures.

    The region in the name wins over the one in an ARN, and that over `aws_region_name`.
    Raises BadRequestError for a region that can't be one: it becomes a part of a host name.
    """
    name, region, hint = deployment.model, "", ""
    for route in _ROUTES:
        name = name.removeprefix(route)
    head, slash, rest = name.partition("/")
    if slash and _REGION.fullmatch(head):
        region, name = head, rest
    elif slash and rest.startswith("arn:"):
        hint, name = head, rest
    return AwsModel(name, check_region(region or _arn_region(name) or _configured(deployment)), hint)


def check_region(region: object) -> str:
    """`region`, if it looks like one."""
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        raise BadRequestError(f"{str(region)[:40]!r} is not the name of an AWS region", param="aws_region_name")
    return region


def service_host(service: str, region: str) -> str:
    """The host of a regional service, as in `bedrock-runtime.us-east-1.amazonaws.com`."""
    domain = next((domain for start, domain in _DOMAINS if region.startswith(start)), "amazonaws.com")
    return f"{service}.{region}.{domain}"


def _arn_region(name: str) -> str:
    parts = name.split(":")
    return parts[3] if name.startswith("arn:") and len(parts) > 5 else ""


def _configured(deployment: Deployment) -> object:
    named = deployment.connection.get("aws_region_name") or deployment.connection.get("region_name")
    return named or DEFAULT_REGION
