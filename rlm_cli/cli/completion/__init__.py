"""Completion for shells and the man page, written from the command table: static files, no program at a TAB."""
