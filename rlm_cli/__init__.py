"""rlm: ask questions about files and directories far too big for any model's context window."""

__version__ = "0.1.0"
