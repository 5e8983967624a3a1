"""POST completions (the older text form)."""

from schemas.fields import Number, Object, OneOf, Text, check_text, check_texts, check_tokens
from schemas.request import RequestSchema


class CompletionsSchema(RequestSchema):
    prompt = OneOf(
        check_text, check_texts, check_tokens, expected="a string, an array of strings or of tokens", required=True
    )
    suffix = Text(allow_none=True)
    max_tokens = Number(whole=True, minimum=0, maximum=2**31, allow_none=True)
    temperature = Number(allow_none=True)
    top_p = Number(allow_none=True)
    n = Number(whole=True, minimum=1, maximum=1024, allow_none=True)
    best_of = Number(whole=True, minimum=1, maximum=1024, allow_none=True)
    logprobs = Number(whole=True, minimum=0, maximum=1000, allow_none=True)
    stop = OneOf(check_text, check_texts, expected="a string or an array of strings", allow_none=True)
    seed = Number(whole=True, minimum=-(2**63), maximum=2**63 - 1, allow_none=True)
    presence_penalty = Number(allow_none=True)
    frequency_penalty = Number(allow_none=True)
    logit_bias = Object(allow_none=True)
    stream_options = Object(allow_none=True)
