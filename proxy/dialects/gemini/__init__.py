"""Google's Gemini API: requests into the pivot, answers, streams and errors in the form that Google's clients read.

https://ai.google.dev/api/generate-content
"""

from proxy.dialects.gemini.dialect import GEMINI_ARRAYS, GEMINI_DIALECT

__all__ = ["GEMINI_ARRAYS", "GEMINI_DIALECT"]
