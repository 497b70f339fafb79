"""The names that every REPL has."""

from __future__ import annotations

_READING = ("context", "files", "grep", "search", "chunks", "open")
_CALLS = ("llm_query", "llm_query_batched", "llm_batch", "rlm_query", "rlm_query_batched", "ask", "SubcallError")
_ANSWER = ("cite", "FINAL", "FINAL_VAR", "answer", "NOT_FOUND")
_RUN = ("SHOW_VARS", "budget", "history", "print")
RESERVED = frozenset((*_READING, *_CALLS, *_ANSWER, *_RUN))
