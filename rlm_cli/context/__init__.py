"""The input: files found, mapped, and read only where they are used.

`corpus` and its neighbours run on the host, which alone opens files; `text` and its neighbours run wherever the bytes
are looked at, first of all in the confined worker.
"""
