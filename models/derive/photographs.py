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
# Photographs of one kind each: fish, tools, buildings, power plants. They are smaller.
SMALL_RESOURCE, SMALL_SHORTEST_SIDE = "categorization", 150

# More photographs from Debian 12, for statistics that need variety: cut out and set on white (GPL or public domain),
# and of nature (CC BY-SA, CC0 or GPL; each package's copyright file has them).
STAMPS = "tuxpaint-stamps-default_2022.06.04-1_all.deb"
STAMPS_SHORTEST_SIDE = 100
WALLPAPERS = ("lomiri-wallpapers-16.04_20.04.0-2_all.deb", "mate-backgrounds_1.26.0-1_all.deb")
PHOTOGRAPHS = {
    "gcompris-qt-data_3.1-2_all.deb": PACKAGE_SHA256,
    STAMPS: "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
    WALLPAPERS[0]: "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
    WALLPAPERS[1]: "7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04",
}

SHORT_SIDE, CROP = 235, 224
MEAN = np.array([123.68, 116.779, 103.939], np.float32)


def package_photographs(package):
    """The 121 photographs of gcompris-qt-data_3.1-2_all.deb (a Path), in a fixed order."""
    with _package_files(package, PACKAGE_SHA256) as files:
        photographs = [picture for name in RESOURCES for picture in _resource(files, name, SHORTEST_SIDE)]
    if len(photographs) != COUNT:
        raise SystemExit(f"{package}: {len(photographs)} photographs, expected {COUNT}")
    return photographs


def varied_photographs(folder):
    """The photographs of all packages of PHOTOGRAPHS, which lie in `folder`, in a fixed order."""
    gcompris = folder / next(iter(PHOTOGRAPHS))
    photographs = package_photographs(gcompris)
    with _package_files(gcompris, PACKAGE_SHA256) as files:
        photographs += _resource(files, SMALL_RESOURCE, SMALL_SHORTEST_SIDE)
    with _package_files(folder / STAMPS, PHOTOGRAPHS[STAMPS]) as files:
        for name in sorted(files.getnames()):
            kind = name.partition("/stamps/")[2].partition("/")[0]
            if kind not in ("animals", "food", "plants") or not name.endswith(".png"):
                continue
            stamp = files.extractfile(name)
            if "cartoon" in name or "_mirror" in name or stamp is None:
                continue
            picture = Image.open(stamp).convert("RGBA")
            if min(picture.size) >= STAMPS_SHORTEST_SIDE:
                photographs.append(_on_white(picture))
    for package in WALLPAPERS:
        with _package_files(folder / package, PHOTOGRAPHS[package]) as files:
            for member in sorted(files.getmembers(), key=lambda member: member.name):
                nature = "/nature/" in member.name or package.startswith("lomiri")
                if member.isfile() and nature and member.name.lower().endswith((".jpg", ".png")):
                    photographs.append(Image.open(files.extractfile(member)).convert("RGB"))
    return photographs


def _on_white(picture):
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def _package_files(package, sha256):
    data = package.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise SystemExit(f"{package}: sha256 {digest}, expected {sha256}")
    return tarfile.open(fileobj=io.BytesIO(lzma.decompress(_ar_member(data, b"data.tar.xz"))))


def _resource(files, name, shortest_side):
    resource = files.extractfile(f"./usr/share/gcompris-qt/rcc/{name}.rcc").read()
    return [picture for picture in _webp_pictures(resource) if min(picture.size) >= shortest_side]


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
