"""A HEIC file laid out as an iPhone lays it out: tiles, a grid, a rotation, a thumbnail and Exif."""

import io
import struct
from dataclasses import dataclass

import pillow_heif
from PIL import Image

from boxes import box, child, full_box


@dataclass(frozen=True)
class Coded:
    """One picture coded with HEVC: its decoder configuration (hvcC) and its data."""

    configuration: bytes
    data: bytes
    size: tuple[int, int]


def encode(picture: Image.Image, quality: int) -> Coded:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=quality, save_as_brand="heic")
    file = buffer.getvalue()
    meta = child(file, "meta")[4:]
    configuration = child(child(child(meta, "iprp"), "ipco"), "hvcC")
    return Coded(configuration, child(file, "mdat"), picture.size)


def phone_file(
    stored: Image.Image, tile: tuple[int, int], quarter_turns: int | None, exif: bytes, quality: int
) -> bytes:
    """
    `stored` in tiles; readers turn it anticlockwise by `quarter_turns` (irot), or as EXIF says where that is None.
    `exif` starts with its TIFF header.
    """
    columns = -(-stored.width // tile[0])
    rows = -(-stored.height // tile[1])
    tiles = [_cut(stored, tile, column, row, quality) for row in range(rows) for column in range(columns)]
    if len({coded.configuration for coded in tiles}) != 1:
        raise SystemExit("The tiles came out with different decoder configurations.")
    thumbnail = encode(stored.resize((stored.width // 4, stored.height // 4)), quality)
    count = len(tiles)
    grid, thumb, metadata = count + 1, count + 2, count + 3
    ids = range(1, count + 1)

    descriptor = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *stored.size)
    items = [_item(i, "hvc1", hidden=True) for i in ids]
    items += [_item(grid, "grid"), _item(thumb, "hvc1"), _item(metadata, "Exif", hidden=True)]
    references = [
        _reference("dimg", grid, list(ids)),
        _reference("thmb", thumb, [grid]),
        _reference("cdsc", metadata, [grid]),
    ]
    properties = box(
        "ipco",
        box("hvcC", tiles[0].configuration),
        _extent(tile),
        _extent(stored.size),
        box("irot", bytes([quarter_turns or 0])),
        box("hvcC", thumbnail.configuration),
        _extent(thumbnail.size),
    )
    essential = 0x80
    turned = [] if quarter_turns is None else [essential | 4]
    used = {i: [essential | 1, 2] for i in ids} | {grid: [3, *turned], thumb: [essential | 5, 6, *turned]}
    association = b"".join(struct.pack(">HB", item, len(which)) + bytes(which) for item, which in used.items())
    associations = full_box("ipma", 0, 0, struct.pack(">I", len(used)), association)

    # Exif items begin with the distance to the TIFF header, which follows the customary six bytes.
    payloads = [coded.data for coded in tiles] + [thumbnail.data, struct.pack(">I", 6) + b"Exif\0\0" + exif]
    owners = [*ids, thumb, metadata]

    def meta(data_at: int) -> bytes:
        return full_box(
            "meta",
            0,
            0,
            full_box("hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
            full_box("pitm", 0, 0, struct.pack(">H", grid)),
            full_box("iinf", 0, 0, struct.pack(">H", len(items)), *items),
            full_box("iref", 0, 0, *references),
            box("iprp", properties, associations),
            box("idat", descriptor),
            _locations(grid, len(descriptor), owners, payloads, data_at),
        )

    start = box("ftyp", b"heic", bytes(4), b"mif1", b"heic")
    data_at = len(start) + len(meta(0)) + 8
    return start + meta(data_at) + box("mdat", *payloads)


def _cut(picture: Image.Image, tile: tuple[int, int], column: int, row: int, quality: int) -> Coded:
    """A tile; the ones at the right and lower edge are filled up by repeating the last pixels."""
    left, top = column * tile[0], row * tile[1]
    part = picture.crop((left, top, min(left + tile[0], picture.width), min(top + tile[1], picture.height)))
    full = Image.new("RGB", tile)
    full.paste(part.resize(tile))
    full.paste(part)
    return encode(full, quality)


def _item(identifier: int, kind: str, hidden: bool = False) -> bytes:
    return full_box("infe", 2, int(hidden), struct.pack(">HH", identifier, 0), kind.encode(), b"\0")


def _reference(kind: str, origin: int, targets: list[int]) -> bytes:
    return box(kind, struct.pack(">HH", origin, len(targets)), *(struct.pack(">H", target) for target in targets))


def _extent(size: tuple[int, int]) -> bytes:
    return full_box("ispe", 0, 0, struct.pack(">II", *size))


def _locations(grid: int, descriptor: int, owners: list[int], payloads: list[bytes], data_at: int) -> bytes:
    in_file, in_idat = 0, 1
    entries = [struct.pack(">HHHHII", grid, in_idat, 0, 1, 0, descriptor)]
    for owner, payload in zip(owners, payloads):
        entries.append(struct.pack(">HHHHII", owner, in_file, 0, 1, data_at, len(payload)))
        data_at += len(payload)
    return full_box("iloc", 1, 0, struct.pack(">HH", 0x4400, len(entries)), *entries)
