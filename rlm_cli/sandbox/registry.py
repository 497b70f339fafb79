"""The sandboxes that `--sandbox` chooses from: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from rlm_cli.context.spans import Part
from rlm_cli.sandbox.contract import Host, Sandbox
from rlm_cli.sandbox.host import ProcessSandbox
from rlm_cli.sandbox.process import Packed


class NewSandbox(Protocol):
    """Makes the sandbox of one node: its host, the table of the input, the parts that are its `context`, and bytes."""

    def __call__(self, host: Host, files: Packed, *, parts: Sequence[Part] | None, cell_memory: int) -> Sandbox: ...


SANDBOXES: dict[str, NewSandbox] = {
    "auto": partial(ProcessSandbox, level="auto"),  # every layer that holds on this machine
    "strict": partial(ProcessSandbox, level="strict"),  # refuses to start without the layers that matter
    "off": partial(ProcessSandbox, level="off"),  # a process and the language policy, no layer of the system
}
