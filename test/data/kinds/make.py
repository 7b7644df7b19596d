"""Small pictures of kinds that decoders read differently, each with what Pillow's convert('RGB') makes of it as
NAME.png beside it. Run with Pillow 13 and numpy: python make.py"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
WIDTH, HEIGHT = 40, 30
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
# Smooth, so that subsampled and lossy kinds stay near it; no two corners alike.
base = Image.fromarray(np.stack([40 + 5 * x, 220 - 6 * y, 60 + 2 * x + 3 * y], axis=-1).astype("uint8"))
ycbcr = base.convert("YCbCr")


def keep(name: str, data: bytes) -> None:
    (HERE / name).write_bytes(data)
    Image.open(io.BytesIO(data)).convert("RGB").save(HERE / f"{name}.png", optimize=True)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def gif(canvas: tuple[int, int], corner: tuple[int, int], transparent: int | None, own_palette: bool) -> bytes:
    """A first frame of 40 x 30 somewhere in a picture, as GIF89a."""
    whole = saved(base.quantize(16), "GIF")
    bits = whole[10] & 7
    palette = whole[13 : 13 + 3 * 2 ** (bits + 1)]
    frame = whole[whole.index(b",", 13 + len(palette)) + 10 :]
    control = b"" if transparent is None else bytes([0x21, 0xF9, 4, 1, 0, 0, transparent, 0])
    place = struct.pack("<HHHH", *corner, WIDTH, HEIGHT)
    head = b"GIF89a" + struct.pack("<HH", *canvas)
    if own_palette:
        return head + bytes([0x70, 0, 0]) + control + b"," + place + bytes([0x80 | bits]) + palette + frame
    return head + bytes([0xF0 | bits, 0, 0]) + palette + control + b"," + place + b"\0" + frame


def tiff(across: int, down: int) -> bytes:
    """YCbCr with one Cb and Cr for `across` x `down` pixels, deflated (TIFF 6.0, section 21)."""
    pixels = np.array(ycbcr)
    data = bytearray()
    for top in range(0, HEIGHT, down):
        for left in range(0, WIDTH, across):
            block = pixels[top : top + down, left : left + across]
            data += block[:, :, 0].tobytes() + bytes(int(block[:, :, i].mean()) for i in (1, 2))
    packed = zlib.compress(bytes(data))
    start = 8 + 2 + 12 * 11 + 4
    entries = [
        (256, 3, 1, WIDTH), (257, 3, 1, HEIGHT), (258, 3, 3, start), (259, 3, 1, 8), (262, 3, 1, 6),
        (273, 4, 1, start + 6), (277, 3, 1, 3), (278, 3, 1, HEIGHT), (279, 4, 1, len(packed)), (284, 3, 1, 1),
        (530, 3, 2, across | down << 16),
    ]  # fmt: skip
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, 11) + directory + struct.pack("<IHHH", 0, 8, 8, 8) + packed


keep("transparent.gif", gif((WIDTH, HEIGHT), (0, 0), 3, False))
keep("small-frame.gif", gif((60, 50), (12, 7), None, False))
keep("small-transparent-frame.gif", gif((60, 50), (12, 7), 2, False))
keep("own-palette.gif", gif((60, 50), (5, 9), 4, True))
for name in ("raw", "tiff_lzw", "packbits", "jpeg"):
    keep(f"ycbcr-{name}.tif", saved(ycbcr, "TIFF", compression=name))
keep("ycbcr-halved.tif", tiff(2, 2))
keep("ycbcr-halved-across.tif", tiff(2, 1))
keep("animated.avif", saved(base, "AVIF", save_all=True, append_images=[base.transpose(Image.Transpose.ROTATE_180)]))
keep("true-colour.bmp", saved(base, "BMP"))
keep("alpha.bmp", saved(base.convert("RGBA"), "BMP"))
keep("palette.bmp", saved(base.quantize(200), "BMP"))
keep("small-palette.bmp", saved(base.quantize(16), "BMP"))
keep("two-colours.bmp", saved(base.convert("1"), "BMP"))
