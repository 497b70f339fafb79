"""Which files are compressed or hold others: known by name and content together, before anything heavy is imported."""

from __future__ import annotations

from typing import Literal

Form = Literal["gz", "bz2", "xz", "zst"]

_MAGIC: dict[Form, bytes] = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zst": b"\x28\xb5\x2f\xfd"}
_TARS: dict[bytes, Form | None] = {
    b".tar": None,
    b".tgz": "gz",
    b".tbz": "bz2",
    b".tbz2": "bz2",
    b".txz": "xz",
    b".tzst": "zst",
    b".tar.gz": "gz",
    b".tar.bz2": "bz2",
    b".tar.xz": "xz",
    b".tar.zst": "zst",
}

SUFFIXES = (b".gz", b".bz2", b".xz", b".zst", b".zip", *_TARS)


def compressed_form(head: bytes) -> Form | None:
    """The compression that the first bytes say."""
    return next((form for form, magic in _MAGIC.items() if head.startswith(magic)), None)


def container(name: bytes, head: bytes) -> Literal["stream", "tar", "zip"] | None:
    """What to do with a file of that name that begins with `head`: name and content must agree."""
    lower = name.lower()
    for suffix, form in _TARS.items():
        if lower.endswith(suffix):
            return "tar" if form == compressed_form(head) and (form or head[257:262] == b"ustar") else None
    if lower.endswith(b".zip"):
        return "zip" if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None
    form = compressed_form(head)
    return "stream" if form is not None and lower.endswith(b"." + form.encode()) else None
