"""What Pillow takes for the photos of `npm run bench -- formats`.

    python formats.py SHORT_SIDE FILE...

Prints one line of JSON per file: processor milliseconds of decoding (a JPEG at a reduced DCT scale) and of the resize.
"""

import json
import sys
import time

from PIL import Image, ImageOps

TURNS = 3


def measure(file: str, short: int) -> tuple[float, float]:
    started = time.process_time()
    image = Image.open(file)
    image.draft("RGB", (2 * short, 2 * short))
    image = ImageOps.exif_transpose(image).convert("RGB")
    decoded = time.process_time()
    width, height = image.size
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    image.resize(size, Image.Resampling.BICUBIC)
    return 1000 * (decoded - started), 1000 * (time.process_time() - decoded)


def main() -> None:
    short = int(sys.argv[1])
    for file in sys.argv[2:]:
        turns = [measure(file, short) for _ in range(TURNS)]
        print(json.dumps({"decode": min(turn[0] for turn in turns), "resize": min(turn[1] for turn in turns)}))


if __name__ == "__main__":
    main()
