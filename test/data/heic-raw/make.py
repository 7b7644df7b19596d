#!/usr/bin/env python3
"""Makes the HEIC and camera RAW files of this folder from two CC0 photographs among the fixtures.

    python3 -m venv venv && venv/bin/pip install pillow==13.0.0 pillow-heif==1.8.1
    venv/bin/python -B test/data/heic-raw/make.py

The RAW files are constructed: the containers of eight camera makers with their real tags around a JPEG preview and a
few pixels of noise for a sensor. No camera wrote them. LibRaw 0.22 and ExifTool 13 take each for what it plays.
"""

import io
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms

import raws
from heif import phone_file

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parents[2] / "fixtures" / "photos"


def photograph(name: str, size: tuple[int, int]) -> Image.Image:
    """The middle of a fixture photograph, scaled to fill `size`."""
    picture = Image.open(PHOTOS / name).convert("RGB")
    scale = max(size[0] / picture.width, size[1] / picture.height)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    left, top = (picture.width - size[0]) // 2, (picture.height - size[1]) // 2
    return picture.crop((left, top, left + size[0], top + size[1]))


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x0112] = "Apple", "iPhone 15", orientation
    tags.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return tags.tobytes().removeprefix(b"Exif\0\0")


def phone() -> bytes:
    upright = photograph("crab.jpg", (400, 600))
    return phone_file(
        upright.transpose(Image.Transpose.ROTATE_90), (320, 240), quarter_turns=3, exif=exif(6), quality=40
    )


def by_exif() -> bytes:
    """Turned by EXIF alone, as some phones and editors write it."""
    upright = photograph("crab.jpg", (240, 360))
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    return phone_file(stored, (192, 128), quarter_turns=None, exif=exif(6), quality=40)


def wide() -> bytes:
    """In small tiles, of which those at the sides are not under the square in the middle."""
    return phone_file(photograph("crab.jpg", (640, 288)), (64, 64), quarter_turns=0, exif=exif(1), quality=40)


def large() -> bytes:
    """Large enough to be reduced for the bundled model."""
    return phone_file(photograph("crab.jpg", (1600, 1200)), (512, 512), quarter_turns=0, exif=exif(1), quality=30)


def ten_bit() -> bytes:
    levels = photograph("Zoo/red-panda-1.jpg", (480, 320)).tobytes()
    wide = pillow_heif.from_bytes("RGB;16", (480, 320), bytes(byte for level in levels for byte in (level, level)))
    return _saved(wide, bit_depth=10)


def transparent() -> bytes:
    picture = photograph("Zoo/red-panda-1.jpg", (320, 240))
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return _saved(pillow_heif.from_pillow(picture))


def swapped() -> bytes:
    """Red by its numbers and blue by its profile: sRGB with the two primaries exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"----"), (b"bXYZ", b"rXYZ"), (b"----", b"bXYZ")):
        profile = profile.replace(old, new)
    # The time of its making.
    profile = profile[:24] + bytes(12) + profile[36:]
    picture = Image.new("RGB", (64, 48), (230, 20, 20))
    picture.info["icc_profile"] = profile
    return _saved(pillow_heif.from_pillow(picture))


def raw_files() -> dict[str, bytes]:
    """Each as a camera held in another way writes it: EXIF orientation -> how the upright picture is stored."""
    turn = Image.Transpose
    stored = {1: None, 3: turn.ROTATE_180, 6: turn.ROTATE_90, 8: turn.ROTATE_270}
    held = {"cr2": 6, "cr3": 8, "nef": 6, "arw": 3, "dng": 6, "raf": 8, "orf": 1, "rw2": 6}
    files = {}
    for kind, orientation in held.items():
        upright = photograph("crab.jpg", (240, 360) if orientation in (6, 8) else (360, 240))
        picture = upright if stored[orientation] is None else upright.transpose(stored[orientation])
        small = picture.resize((picture.width // 3, picture.height // 3))
        shot = raws.Shot(_jpeg(picture), _jpeg(small), picture.size, orientation, "2024:05:06 07:08:09")
        files[f"constructed.{kind}"] = getattr(raws, kind)(shot)
    return files


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def _saved(picture: pillow_heif.HeifFile, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, quality=45, **options)
    return buffer.getvalue()


def main() -> None:
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    files = {
        "phone.heic": phone(),
        "exif-alone.heic": by_exif(),
        "wide.heic": wide(),
        "large.heic": large(),
        "ten-bit.heic": ten_bit(),
        "transparent.heic": transparent(),
        "swapped-primaries.heic": swapped(),
        **raw_files(),
    }
    for name, data in files.items():
        (HERE / name).write_bytes(data)
        print(f"{name:20} {len(data):6}")


if __name__ == "__main__":
    main()
