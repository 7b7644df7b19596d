"""Photographs to calibrate with, and the reference way from a photo to the network's input."""

import hashlib
import io
import lzma
import struct
import tarfile

import numpy as np
from PIL import Image, ImageOps

# Debian 12's gcompris-qt-data 3.1-2: photographs of animals, monuments, musicians and the sea,
# public domain, CC BY, CC BY-SA, GFDL or GPL (its copyright file has each one's).
PACKAGE_SHA256 = "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f"
RESOURCES = (
    "clickgame",
    "erase",
    "explore_farm_animals",
    "explore_monuments",
    "explore_world_animals",
    "explore_world_music",
)
COUNT, SHORTEST_SIDE = 121, 300

SHORT_SIDE, CROP = 235, 224
MEAN = np.array([123.68, 116.779, 103.939], np.float32)


def package_photographs(package):
    """The 121 photographs of gcompris-qt-data_3.1-2_all.deb (a Path), in a fixed order."""
    data = package.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != PACKAGE_SHA256:
        raise SystemExit(f"{package}: sha256 {digest}, expected {PACKAGE_SHA256}")
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(_ar_member(data, b"data.tar.xz")))) as files:
        photographs = [
            picture
            for name in RESOURCES
            for picture in _webp_pictures(files.extractfile(f"./usr/share/gcompris-qt/rcc/{name}.rcc").read())
            if min(picture.size) >= SHORTEST_SIDE
        ]
    if len(photographs) != COUNT:
        raise SystemExit(f"{package}: {len(photographs)} photographs, expected {COUNT}")
    return photographs


def _ar_member(data, wanted):
    """A .deb is an ar archive: 60-byte headers, the name in front, the size at 48, members at even offsets."""
    at = 8
    while at < len(data):
        name, size = data[at : at + 16].strip(b" /"), int(data[at + 48 : at + 58])
        if name == wanted:
            return data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise SystemExit(f"no {wanted.decode()} in the package")


def _webp_pictures(resource):
    """Qt's resource files hold WebP as it is, so the RIFF headers tell where each picture begins and ends."""
    at = resource.find(b"RIFF")
    while at >= 0:
        (size,) = struct.unpack_from("<I", resource, at + 4)
        if resource[at + 8 : at + 12] == b"WEBP":
            yield Image.open(io.BytesIO(resource[at : at + 8 + size])).convert("RGB")
        at = resource.find(b"RIFF", at + 4)


def upright(photo):
    """A photo file as RGB, turned as its EXIF orientation says."""
    return ImageOps.exif_transpose(Image.open(photo)).convert("RGB")


def network_input(picture):
    """float32 [1, 3, 224, 224] as models/catalogue.json describes it for resnet50, by Pillow."""
    wide, high = picture.size
    if wide <= high:
        size = (SHORT_SIDE, int(SHORT_SIDE * high / wide))
    else:
        size = (int(SHORT_SIDE * wide / high), SHORT_SIDE)
    left, top = (round((side - CROP) / 2) for side in size)
    cropped = picture.resize(size, Image.Resampling.BICUBIC).crop((left, top, left + CROP, top + CROP))
    return np.ascontiguousarray((np.asarray(cropped, np.float32) - MEAN).transpose(2, 0, 1)[np.newaxis])
