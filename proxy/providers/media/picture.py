"""What the image formats that are not OpenAI's share: sizes, the pictures of a request as data, and the answer.

https://platform.openai.com/docs/api-reference/images/object
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from proxy.domain.amounts import read_usage
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage
from proxy.errors import BadRequestError, InvalidProviderResponseError

_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
# A file that becomes a part of a JSON body is in memory, and a third larger.
MOST_INLINE = 20 * 1024 * 1024


class Picture(NamedTuple):
    media_type: str
    data: str


def read_size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    """(width, height); None where none or `auto` was asked for. Raise BadRequestError for anything else."""
    size = fields.get("size")
    if size is None or size == "auto":
        return None
    match = _SIZE.fullmatch(str(size))
    if not match:
        raise BadRequestError("The size is written as 1024x1024.", param="size")
    return int(match[1]), int(match[2])


def find_ratio(size: tuple[int, int], ratios: Sequence[str]) -> str:
    """The aspect ratio that is nearest to a size."""
    wanted = size[0] / size[1]
    return min(ratios, key=lambda ratio: abs(int(ratio.split(":")[0]) / int(ratio.split(":")[1]) - wanted))


def read_pictures(call: Call, field: str) -> list[Picture]:
    """The files of a form as base64. Raise BadRequestError for more than fit into a JSON body."""
    files = call.upload.named(field) if call.upload is not None else ()
    if sum(file.content.size for file in files) > MOST_INLINE:
        raise BadRequestError(f"This provider takes at most {MOST_INLINE // 2**20} MB of files.", param=field)
    return [Picture(file.content_type, base64.b64encode(bytes(file.content)).decode()) for file in files]


def build_answer(
    call: Call, deployment: Deployment, headers: Mapping[str, str], pictures: Sequence[str], usage: Usage | None = None
) -> Answer:
    """Pictures in base64, as OpenAI's answer. Raise InvalidProviderResponseError for none."""
    if not pictures:
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without images", provider=deployment.provider
        )
    reply: dict[str, Any] = {"created": int(call.started_at), "data": [{"b64_json": picture} for picture in pictures]}
    if usage is not None:
        reply["usage"] = {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        }
    counted = read_usage(call.fields, reply, call.operation.amounts)
    return Answer(dumps(reply), counted, deployment.label, headers)
