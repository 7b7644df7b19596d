"""Reference outputs of Pillow's bicubic resize, for test/embedding/resize.test.ts.

    pip install -r requirements.txt && python make.py

Writes resize.bin beside this file: a sequence of cases, little-endian,

    u32 width, height           of the input image
    u32 resized width, height
    u32 left, top, right, bottom of the window that is kept
    u32 seed                    of the input pixels, see `pixels`
    u8  output[(right - left) * (bottom - top) * 3]

The inputs are not stored: both sides make them from the seed.

Pillow 12, because the horizontal pass comes first there for every size. From 13 on Pillow turns the passes
round where the height shrinks more than the width, which moves single samples by one grey level.
"""

import random
import struct
from pathlib import Path

from PIL import Image

GENERATED = 240
# Wide, tall, the reductions of a camera's photo, and both ways to leave a side as it is.
CHOSEN = [
    (4000, 30, 313, 235),
    (30, 4000, 235, 313),
    (3000, 1, 705_000, 235),
    (1, 1, 235, 235),
    (500, 375, 313, 235),
    (313, 235, 313, 235),
    (313, 100, 313, 235),
    (100, 235, 313, 235),
]
WHOLE_LIMIT, WINDOW_LIMIT = 6_000, 3_000


def pixels(width: int, height: int, seed: int) -> bytes:
    """Every fourth image is black and white noise (the most overshoot), the others are grey levels at random."""
    state, out = seed, bytearray(width * height * 3)
    extreme = seed % 4 == 0
    for index in range(len(out)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[index] = (255 if state >> 31 else 0) if extreme else state >> 24
    return bytes(out)


def side(rng: random.Random) -> int:
    return rng.choice([1, 2, 3, rng.randint(1, 12), rng.randint(10, 90), rng.randint(60, 320)])


def sizes(rng: random.Random) -> tuple[int, int, int, int]:
    while True:
        width, height, new_width, new_height = (side(rng) for _ in range(4))
        if width * height <= 30_000 and new_width * new_height <= 60_000:
            return width, height, new_width, new_height


def case(rng: random.Random, width: int, height: int, new_width: int, new_height: int) -> bytes:
    seed = rng.getrandbits(32)
    box = (0, 0, new_width, new_height)
    if new_width * new_height > WHOLE_LIMIT or rng.random() < 0.3:
        wide = rng.randint(1, min(new_width, 90))
        high = rng.randint(1, min(new_height, WINDOW_LIMIT // wide))
        left, top = rng.randint(0, new_width - wide), rng.randint(0, new_height - high)
        box = (left, top, left + wide, top + high)
    image = Image.frombytes("RGB", (width, height), pixels(width, height, seed))
    resized = image.resize((new_width, new_height), Image.Resampling.BICUBIC).crop(box)
    return struct.pack("<9I", width, height, new_width, new_height, *box, seed) + resized.tobytes()


def main() -> None:
    rng = random.Random(20261123)
    cases = [case(rng, *sides) for sides in CHOSEN + [sizes(rng) for _ in range(GENERATED)]]
    Path(__file__).with_name("resize.bin").write_bytes(b"".join(cases))


if __name__ == "__main__":
    main()
