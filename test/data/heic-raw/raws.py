"""Camera RAW containers around a JPEG preview. Tag numbers as in ExifTool's tag tables and dcraw."""

import random
import struct
from dataclasses import dataclass

from boxes import box, full_box
from tiff import ASCII, IFD, LONG, RATIONAL, SHORT, UNDEFINED, Blob, Ifd, write

TIFF = b"II*\0" + struct.pack("<I", 8)
RGB, YCBCR, CFA, RGGB = 2, 6, 32803, bytes([0, 1, 1, 2])
UNCOMPRESSED, JPEG_OLD, JPEG = 1, 6, 7
SENSOR, SMALL = (48, 32), (16, 12)


@dataclass(frozen=True)
class Shot:
    """What a file is made around."""

    preview: bytes
    """JPEG, unrotated, without EXIF."""
    thumbnail: bytes
    size: tuple[int, int]
    orientation: int
    taken: str


def sensor_values(bits: int = 16) -> bytes:
    noise = random.Random(5)
    return b"".join(struct.pack("<H", noise.randrange(200, 3000)) for _ in range(SENSOR[0] * SENSOR[1]))


def sensor() -> dict:
    values = sensor_values()
    return {
        0xFE: (LONG, 0),
        **strip(SENSOR, values, bits=16, colours=CFA),
        0x828D: (SHORT, [2, 2]),
        0x828E: (UNDEFINED, RGGB),
    }


def strip(size: tuple[int, int], data: bytes, *, bits: int | list[int], colours: int, how: int = UNCOMPRESSED) -> dict:
    """Pixels in one piece; `bits` of a sample or of each of several, `colours` and `how` as TIFF numbers them."""
    return {
        0x100: (LONG, size[0]),
        0x101: (LONG, size[1]),
        0x102: (SHORT, bits),
        0x103: (SHORT, how),
        0x106: (SHORT, colours),
        0x111: (LONG, Blob(data)),
        0x115: (SHORT, len(bits) if isinstance(bits, list) else 1),
        0x116: (LONG, size[1]),
        0x117: (LONG, len(data)),
    }


def small_strip(bits: int = 8) -> dict:
    """A black thumbnail."""
    return strip(SMALL, bytes(SMALL[0] * SMALL[1] * 3 * bits // 8), bits=[bits] * 3, colours=RGB)


def common(make: str, model: str, shot: Shot) -> dict:
    return {
        0x10F: (ASCII, make),
        0x110: (ASCII, model),
        0x112: (SHORT, shot.orientation),
        0x132: (ASCII, shot.taken),
        0x8769: (LONG, exif(shot)),
    }


def exif(shot: Shot) -> Ifd:
    return Ifd({0x829A: (RATIONAL, [1]), 0x8827: (SHORT, 200), 0x9003: (ASCII, shot.taken), 0x9011: (ASCII, "+02:00")})


def jpeg_pointer(data: bytes) -> dict:
    return {0x201: (LONG, Blob(data)), 0x202: (LONG, len(data))}


def nef(shot: Shot) -> bytes:
    preview = Ifd({0xFE: (LONG, 1), 0x103: (SHORT, JPEG_OLD), **jpeg_pointer(shot.preview)})
    first = {0xFE: (LONG, 1), **small_strip(), 0x14A: (LONG, [preview, Ifd(sensor())])}
    return write(TIFF, Ifd({**common("NIKON CORPORATION", "NIKON D750", shot), **first}))


def arw(shot: Shot) -> bytes:
    first = {0xFE: (LONG, 1), 0x103: (SHORT, JPEG_OLD), **jpeg_pointer(shot.preview), 0x14A: (LONG, Ifd(sensor()))}
    thumbnail = Ifd({0xFE: (LONG, 1), 0x103: (SHORT, JPEG_OLD), **jpeg_pointer(shot.thumbnail)})
    return write(TIFF, Ifd({**common("SONY", "ILCE-7M3", shot), **first}, thumbnail))


def dng(shot: Shot) -> bytes:
    picture = strip(shot.size, shot.preview, bits=[8, 8, 8], colours=YCBCR, how=JPEG)
    preview = Ifd({0xFE: (LONG, 1), **picture})
    first = {
        0xFE: (LONG, 1),
        **small_strip(),
        0x14A: (LONG, [Ifd(sensor()), preview]),
        0xC612: (UNDEFINED, bytes([1, 4, 0, 0])),
        0xC614: (ASCII, "Leica Q2"),
    }
    return write(TIFF, Ifd({**common("LEICA CAMERA AG", "LEICA Q2", shot), **first}))


def cr2(shot: Shot) -> bytes:
    coded = lossless_jpeg()
    raw = Ifd(
        {
            0x103: (SHORT, JPEG_OLD),
            0x111: (LONG, Blob(coded)),
            0x117: (LONG, len(coded)),
            0xC640: (SHORT, [0, 0, SENSOR[0]]),
        }
    )
    small = Ifd(small_strip(bits=16), raw)
    thumbnail = Ifd({0x103: (SHORT, JPEG_OLD), **jpeg_pointer(shot.thumbnail)}, small)
    first = {
        0x100: (LONG, shot.size[0]),
        0x101: (LONG, shot.size[1]),
        0x102: (SHORT, [8, 8, 8]),
        0x103: (SHORT, JPEG_OLD),
        0x111: (LONG, Blob(shot.preview)),
        0x117: (LONG, len(shot.preview)),
    }
    header = b"II*\0" + struct.pack("<I", 16) + b"CR\2\0" + bytes(4)
    file = write(header, Ifd({**common("Canon", "Canon EOS 6D", shot), **first}, thumbnail))
    # The header ends with the offset of the last directory, the sensor's.
    at = file.index(struct.pack("<HHI", 0xC640, SHORT, 3)) - 2 - 3 * 12
    return file[:12] + struct.pack("<I", at) + file[16:]


def lossless_jpeg() -> bytes:
    """A lossless JPEG (ITU-T T.81, process 14) of two components: every difference is 0, coded as one 0 bit."""
    tables = b"\xff\xc4" + struct.pack(">HB", 2 + 17 + 1, 0) + bytes([1] + [0] * 15) + bytes([0])
    frame = struct.pack(">HBHHB", 8 + 3 * 2, 14, SENSOR[1], SENSOR[0] // 2, 2) + bytes([1, 0x11, 0, 2, 0x11, 0])
    scan = struct.pack(">HB", 6 + 2 * 2, 2) + bytes([1, 0, 2, 0, 1, 0, 0])
    return (
        b"\xff\xd8"
        + tables
        + b"\xff\xc3"
        + frame
        + b"\xff\xda"
        + scan
        + bytes(SENSOR[0] * SENSOR[1] // 8)
        + b"\xff\xd9"
    )


RW2_MARK = bytes.fromhex("88e774d8f8251d4d947a6e77822b5d6a")


def rw2(shot: Shot) -> bytes:
    values = sensor_values()
    first = {
        0x01: (UNDEFINED, b"0330"),
        0x02: (SHORT, SENSOR[0]),
        0x03: (SHORT, SENSOR[1]),
        0x04: (SHORT, 0),
        0x05: (SHORT, 0),
        0x06: (SHORT, SENSOR[1]),
        0x07: (SHORT, SENSOR[0]),
        0x09: (SHORT, 3),
        0x0A: (SHORT, 16),
        0x0B: (SHORT, 1),
        0x17: (SHORT, 200),
        0x2E: (UNDEFINED, shot.preview),
        0x111: (LONG, Blob(values)),
        0x117: (LONG, len(values)),
        0x118: (LONG, Blob(values)),
    }
    return write(b"IIU\0" + struct.pack("<I", 24) + RW2_MARK, Ifd({**common("Panasonic", "DC-G9", shot), **first}))


def orf(shot: Shot) -> bytes:
    first = strip(SENSOR, sensor_values(), bits=16, colours=1)
    tags = common("OLYMPUS CORPORATION", "E-M10MarkII", shot)
    settings = Ifd(
        {
            0x0000: (UNDEFINED, b"0100"),
            0x0100: (LONG, 1),
            0x0101: (LONG, Blob(shot.preview)),
            0x0102: (LONG, len(shot.preview)),
        }
    )
    # Offsets inside an Olympus maker note count from its own first byte.
    note = write(b"OLYMPUS\0II\3\0", Ifd({0x2020: (IFD, settings)}))
    tags[0x8769] = (LONG, Ifd({**exif(shot).tags, 0x927C: (UNDEFINED, note)}))
    return write(b"IIRO" + struct.pack("<I", 8), Ifd({**tags, **first}))


def raf(shot: Shot) -> bytes:
    jpeg = with_exif(shot.preview, common("FUJIFILM", "X-T3", shot))
    values = sensor_values()
    directory = struct.pack(">I", 1) + struct.pack(">HHHH", 0x100, 4, SENSOR[1], SENSOR[0])
    at = 160
    parts = [jpeg, directory, values]
    header = b"FUJIFILMCCD-RAW 0201FF129502" + b"X-T3".ljust(32, b"\0") + b"0100" + bytes(20)
    for part in parts:
        header += struct.pack(">II", at, len(part))
        at += len(part)
    return header.ljust(160, b"\0") + b"".join(parts)


def with_exif(jpeg: bytes, tags: dict) -> bytes:
    payload = b"Exif\0\0" + write(TIFF, Ifd(tags))
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(payload)) + payload + jpeg[2:]


CANON, PREVIEW = (bytes.fromhex(u) for u in ("85c0b687820f11e08111f4ce462b6a48", "eaf42b5e1c984b88b9fbb7dc406e4d16"))


def cr3(shot: Shot) -> bytes:
    """Boxes as in L. Clevy's description of CR3: a full-size JPEG track, a sensor track, a smaller preview."""
    raw = bytes(256)
    tags = common("Canon", "Canon EOS M50", shot)
    details = tags.pop(0x8769)[1]
    width, height = 0x1890, 0xFD8
    tags |= {0x100: (SHORT, 6000), 0x101: (SHORT, 4000), 0x102: (SHORT, [8, 8, 8]), 0x103: (SHORT, JPEG_OLD)}
    compression = struct.pack(">HHHHIIII", 0xFF00, 0x30, 0x100, 0, width, height, width // 2, height)
    compression += bytes([14, 0x40, 0, 0]) + struct.pack(">I", 0xD8) + bytes(4) + struct.pack(">I", 0x01010000) * 4
    crop = struct.pack(">HHHH", width, height, 1, 2) + struct.pack(
        ">12H", 1, 1, 276, 48, 6275, 4047, 1, 7, 264, 4055, 0, 0
    )

    def head(data_at: int) -> bytes:
        canon = box(
            "uuid",
            CANON,
            box("CNCV", b"CanonCR3_001/00.09.00/00.00.00"),
            box("CMT1", write(TIFF, Ifd(tags))),
            box("CMT2", write(TIFF, details)),
            box("CMT3", write(TIFF, Ifd({1: (SHORT, 0)}))),
            box("THMB", struct.pack(">IHHIHH", 0, 160, 107, len(shot.thumbnail), 1, 0), shot.thumbnail),
        )
        picture = track(1, shot.size, b"\0\3\0\0" + box("JPEG", bytes(4)), len(shot.preview), data_at)
        boxes = b"\0\1\0\1" + box("CMP1", compression) + box("CDI1", bytes(4), box("IAD1", crop))
        sensor_track = track(2, (width, height), boxes, len(raw), data_at + len(shot.preview))
        start = box("ftyp", b"crx ", struct.pack(">I", 1), b"crx isom") + box("moov", canon, picture, sensor_track)
        small = struct.pack(">IHHHHI", 0, 1, 160, 107, 1, len(shot.thumbnail))
        return start + box("uuid", PREVIEW, struct.pack(">II", 0, 1), box("PRVW", small, shot.thumbnail))

    data_at = len(head(0)) + 8
    return head(data_at) + box("mdat", shot.preview, raw)


def track(number: int, size: tuple[int, int], description: bytes, length: int, data_at: int) -> bytes:
    width, height = size
    sample = struct.pack(">HHIII", width, height, 0x480000, 0x480000, 0) + struct.pack(">H", 1) + bytes(32)
    entry = box("CRAW", bytes(6), struct.pack(">H", 1), bytes(16), sample, struct.pack(">HH", 24, 0xFFFF), description)
    table = box(
        "stbl",
        full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box("stts", 0, 0, struct.pack(">III", 1, 1, 1)),
        full_box("stsc", 0, 0, struct.pack(">IIII", 1, 1, 1, 1)),
        full_box("stsz", 0, 0, struct.pack(">II", length, 1)),
        full_box("co64", 0, 0, struct.pack(">IQ", 1, data_at)),
    )
    header = struct.pack(">IIIII", 0, 0, number, 0, 1) + bytes(16)
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    return box(
        "trak",
        full_box("tkhd", 0, 7, header, matrix, struct.pack(">II", width << 16, height << 16)),
        box(
            "mdia",
            full_box("mdhd", 0, 0, struct.pack(">IIIII", 0, 0, 1, 1, 0)),
            full_box("hdlr", 0, 0, bytes(4), b"vide", bytes(13)),
            box(
                "minf",
                full_box("vmhd", 0, 1, bytes(8)),
                box("dinf", full_box("dref", 0, 0, struct.pack(">I", 1), full_box("url ", 0, 1))),
                table,
            ),
        ),
    )
