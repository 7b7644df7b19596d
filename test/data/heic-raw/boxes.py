"""Boxes of the ISO base media file format (ISO/IEC 14496-12), written and read."""

import struct


def box(kind: str, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return struct.pack(">I", 8 + len(payload)) + kind.encode("latin-1") + payload


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def children(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    at = 0
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8].decode("latin-1"), data[at + 8 : at + size]))
        at += size
    return found


def child(data: bytes, kind: str) -> bytes:
    return next(payload for found, payload in children(data) if found == kind)
