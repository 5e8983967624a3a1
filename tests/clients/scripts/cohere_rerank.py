"""Cohere's SDK pointed at the gateway, both versions of its client. Arguments: URL, key. Prints one JSON object."""

import json
import sys

import cohere

url, key = sys.argv[1:]
documents = ["Berlin is in Germany", "the capital of France is Paris"]
second = cohere.ClientV2(api_key=key, base_url=url)
answer = second.rerank(model="rerank", query="capital of France", documents=documents, top_n=1)
first = cohere.Client(api_key=key, base_url=url)
older = first.rerank(model="rerank", query="capital of France", documents=documents, return_documents=True)
try:
    second.rerank(model="nothing-here", query="x", documents=["y"])
    refusal = None
except cohere.errors.BadRequestError as error:
    refusal = [error.status_code, error.body["error"]["param"]]
except cohere.errors.NotFoundError as error:
    refusal = [error.status_code, error.body["error"]["param"]]
print(
    json.dumps(
        {
            "best": [[result.index, result.relevance_score] for result in answer.results],
            "units": answer.meta.billed_units.search_units,
            "texts": [result.document.text for result in older.results],
            "refusal": refusal,
        }
    )
)
