"""Makes HEIC photos as phones write them, for bench/heic.js: 12 megapixels in tiles of 512 x 512 pixels."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "data" / "heic-raw"))

import numpy
from heif import phone_file
from make import PHOTOS, exif, photograph
from PIL import Image

# Quality, and a sensor's noise in levels, so that files come to between 0.5 and 3.5 MB, as phones' do.
KINDS = [(45, 3), (50, 4), (55, 4), (60, 3)]

folder, count = Path(sys.argv[1]), int(sys.argv[2])
names = sorted(str(path.relative_to(PHOTOS)) for path in PHOTOS.rglob("*.jpg"))
random = numpy.random.default_rng(1)
for i in range(count):
    quality, noise = KINDS[i % len(KINDS)]
    size = (3024, 4032) if i % 3 == 2 else (4032, 3024)
    picture = numpy.asarray(photograph(names[i * 7 % len(names)], size)).astype(numpy.float32)
    picture += random.normal(0, noise, picture.shape[:2])[..., None]
    stored = Image.fromarray(picture.clip(0, 255).astype(numpy.uint8))
    turns = 0 if size[0] > size[1] else 3
    if turns:
        stored = stored.transpose(Image.Transpose.ROTATE_90)
    (folder / f"IMG_{i:04}.HEIC").write_bytes(phone_file(stored, (512, 512), turns, exif(1), quality))
