"""Where rlm stands beside what one would use instead: `make bench`, or `python -m tests.bench.compare --help`.

A *program* (`programs/`) is something that can be run: rlm, a peer from PyPI in a virtual environment of its own, or a
plain tool. A *row* (`rows/`) is a piece of work, with a contestant for every program that can do it. The runner takes
the contestants of a row in turns, several rounds of them, so that a busy machine slows all alike. `server.py` stands for
the model: what differs is the runtime alone.
"""
