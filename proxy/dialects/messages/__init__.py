"""Anthropic's Messages: requests into the pivot, answers, streams and errors in the form that Anthropic's clients read.

https://platform.claude.com/docs/en/api/messages and .../build-with-claude/streaming
"""

from proxy.dialects.messages.dialect import MESSAGES_DIALECT, MessagesDialect

__all__ = ["MESSAGES_DIALECT", "MessagesDialect"]
