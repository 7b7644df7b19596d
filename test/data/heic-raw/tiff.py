"""Little-endian TIFF structures (TIFF 6.0) with pointers to other directories and to data."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7
IFD = 13
_CODES = {SHORT: "H", LONG: "I", IFD: "I"}


@dataclass(eq=False)
class Blob:
    """Bytes elsewhere in the file; as a tag's value it stands for its offset."""

    data: bytes


@dataclass(eq=False)
class Ifd:
    tags: dict[int, tuple[int, Value]] = field(default_factory=dict)
    after: Ifd | None = None
    """The next directory of the chain."""


Value = str | bytes | int | list[int] | Blob | Ifd | list[Ifd]


def write(header: bytes, first: Ifd) -> bytes:
    """The header, the first directory right behind it, and all that they point to."""
    placed: dict[int, int] = {}
    order: list[Ifd | Blob] = []
    end = len(header)

    def place(thing: Ifd | Blob, size: int) -> None:
        nonlocal end
        placed[id(thing)] = end
        order.append(thing)
        end += size + size % 2

    long_values: dict[tuple[int, int], Blob] = {}

    def visit(ifd: Ifd) -> None:
        place(ifd, 2 + 12 * len(ifd.tags) + 4)
        for tag, (kind, value) in sorted(ifd.tags.items()):
            for target in value if isinstance(value, list) else [value]:
                if isinstance(target, Ifd) and id(target) not in placed:
                    visit(target)
                elif isinstance(target, Blob) and id(target) not in placed:
                    place(target, len(target.data))
            if _width(kind, value) > 4:
                # The offsets of directories are known only later: their place is taken, their content is not.
                blob = long_values[id(ifd), tag] = Blob(bytes(_width(kind, value)))
                place(blob, len(blob.data))
        if ifd.after is not None:
            visit(ifd.after)

    visit(first)
    out = bytearray(header)
    for thing in order:
        out += bytes(placed[id(thing)] - len(out))
        if isinstance(thing, Ifd):
            out += _directory(thing, placed, long_values)
        else:
            out += thing.data
    for thing in order:
        if isinstance(thing, Ifd):
            for tag, (kind, value) in thing.tags.items():
                blob = long_values.get((id(thing), tag))
                if blob is not None:
                    at = placed[id(blob)]
                    out[at : at + len(blob.data)] = _pack(kind, value, placed)
    return bytes(out)


def _directory(ifd: Ifd, placed: dict[int, int], long_values: dict[tuple[int, int], Blob]) -> bytes:
    entries = b""
    for tag, (kind, value) in sorted(ifd.tags.items()):
        blob = long_values.get((id(ifd), tag))
        content = _pack(kind, value, placed) if blob is None else struct.pack("<I", placed[id(blob)])
        entries += struct.pack("<HHI", tag, kind, _count(kind, value)) + content.ljust(4, b"\0")
    following = 0 if ifd.after is None else placed[id(ifd.after)]
    return struct.pack("<H", len(ifd.tags)) + entries + struct.pack("<I", following)


def _pack(kind: int, value: Value, placed: dict[int, int]) -> bytes:
    if isinstance(value, str):
        return value.encode() + b"\0"
    if isinstance(value, bytes):
        return value
    numbers = [
        placed[id(v)] if isinstance(v, Ifd | Blob) else v for v in (value if isinstance(value, list) else [value])
    ]
    return b"".join(
        struct.pack("<II", v, 1) if kind == RATIONAL else struct.pack("<" + _CODES[kind], v) for v in numbers
    )


def _count(kind: int, value: Value) -> int:
    if isinstance(value, str | bytes):
        return len(value) + isinstance(value, str)
    return len(value) if isinstance(value, list) else 1


def _width(kind: int, value: Value) -> int:
    return _count(kind, value) * {ASCII: 1, UNDEFINED: 1, SHORT: 2, LONG: 4, RATIONAL: 8, IFD: 4}[kind]
