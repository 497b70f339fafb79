"""The programs, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from tests.bench.compare.programs import Program
from tests.bench.compare.programs.peers import Droste, Dspy, Minrlm, Rlmness, Rlms
from tests.bench.compare.programs.rlm import Rlm

RLM: Final = Rlm()
LITELLM: Final = Rlm("rlm over litellm", "litellm/openai/scripted")
PEERS: Final[list[Program]] = [Rlms(), Dspy(), Droste(), Rlmness(), Minrlm()]
