"""A flame graph as SVG from stacks: a box a function, as wide as its share of the samples, what it called above it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

Stacks = Mapping[tuple[str, ...], int]
"""Samples of each stack, the outermost frame first."""

WIDTH, HEIGHT, LEAST = 1200, 17, 0.6
STYLE: Final = (
    "text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 } "
    ".about { font: 13px system-ui, sans-serif; fill: #57606a } "
    "@media (prefers-color-scheme: dark) { .about { fill: #9198a1 } }"
)


@dataclass
class Frame:
    samples: int = 0
    callees: dict[str, Frame] = field(default_factory=dict)

    def depth(self) -> int:
        return 1 + max((one.depth() for one in self.callees.values()), default=0)


def merged(stacks: Stacks) -> Frame:
    root = Frame()
    for stack, samples in stacks.items():
        here = root
        here.samples += samples
        for name in stack:
            here = here.callees.setdefault(name, Frame())
            here.samples += samples
    return root


def colour(name: str) -> str:
    """The same for the same file in every graph: our own code green to blue, the rest warm and pale."""
    shade = hashlib.blake2s(name.partition(" (")[2].encode()).digest()[0] / 255
    if "rlm_cli" in name:
        return f"hsl({140 + 70 * shade:.0f} 55% 68%)"
    return f"hsl({25 + 30 * shade:.0f} 70% 78%)"


def boxes(frame: Frame, x: float, level: int, scale: float, height: int, total: int) -> Iterator[str]:
    for name, callee in sorted(frame.callees.items()):
        width = callee.samples * scale
        if width >= LEAST:
            y = height - (level + 1) * HEIGHT
            share = f"{name}: {callee.samples / total:.1%}"
            letters = int((width - 4) / 6.6)
            shown = name if len(name) <= letters else name[: letters - 1] + "…"
            text = f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(shown)}</text>' if letters > 3 else ""
            yield (
                f'<g><title>{escape(share)}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{HEIGHT - 1}" rx="1" '
                f'fill="{colour(name)}"/>{text}</g>'
            )
            yield from boxes(callee, x, level + 1, scale, height, total)
        x += width


def svg(stacks: Stacks, about: Sequence[str]) -> str:
    root = merged(stacks)
    head = 24 * len(about) + 8
    height = head + HEIGHT * (root.depth() - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(about[0])}</title><style>{STYLE}</style>",
        *(f'<text x="4" y="{18 + 22 * n}" class="about">{escape(line)}</text>' for n, line in enumerate(about)),
    ]
    if root.samples:
        parts += boxes(root, 0.0, 0, WIDTH / root.samples, height, root.samples)
    return "\n".join([*parts, "</svg>"]) + "\n"
