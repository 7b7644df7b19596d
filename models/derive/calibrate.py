"""Measure the similarity thresholds of a model for models/catalogue.json.

    python calibrate.py gcompris-qt-data_3.1-2_all.deb ../resnet50.onnx

The package's 121 photographs of different things, none longer than 800 pixels (the
smaller a photo, the less its copies are like it), give 7,260 pairs of unrelated
photos, and copies of each are made by Pillow: saved again (smaller, recompressed,
a little lighter or darker) and taken again (reframed, tilted, exposed otherwise).

    nearDuplicate  every copy saved again is at least this similar, by root cosine
    burst          no unrelated pair is this similar, by root cosine
    similar        99 of 100 unrelated pairs are less similar, by cosine

The root cosine is that of the vectors' signed square roots, which tells copies from
other photos better. The share of the copies taken again that `burst` finds is printed.

Each has two digits, rounded down, `burst` up. The groups of fixtures/groups.json, which had
no part in it, are printed beside them, and the script fails if a pair of one burst
is below `burst` or a pair of different groups above it.
"""

import argparse
import io
import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from photographs import network_input, package_photographs, upright
from PIL import Image, ImageEnhance, ImageOps

FIXTURES = Path(__file__).parents[2] / "fixtures"
LONGEST_SIDE = 800


def at_most(side, picture):
    return ImageOps.contain(picture, (side, side)) if max(picture.size) > side else picture


def recompressed(picture, quality):
    return Image.open(io.BytesIO(_jpeg(picture, quality)))


def _jpeg(picture, quality):
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def lighter(picture, factor):
    return ImageEnhance.Brightness(picture).enhance(factor)


def exposed(picture, stops):
    """As a camera would have it: more or less light, cut off where it is white."""
    light = (np.asarray(picture, np.float32) / 255) ** 2.2 * 2**stops
    return Image.fromarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8))


def reframed(picture, share, across=0.5, down=0.5):
    """A window of `share` of both sides; 0.5 is the middle, 0 the left or upper edge."""
    wide, high = int(picture.width * share), int(picture.height * share)
    left, top = int((picture.width - wide) * across), int((picture.height - high) * down)
    return picture.crop((left, top, left + wide, top + high))


SAVED_AGAIN = {
    "JPEG quality 50": lambda picture: recompressed(picture, 50),
    "half size, JPEG 60": lambda picture: recompressed(ImageOps.scale(picture, 0.5), 60),
    "320 pixels": lambda picture: ImageOps.contain(picture, (320, 320)),
    "20 % lighter": lambda picture: lighter(picture, 1.2),
    "20 % darker": lambda picture: lighter(picture, 0.8),
}
TAKEN_AGAIN = {
    "90 % of the frame": lambda picture: reframed(picture, 0.9),
    "90 %, from a corner": lambda picture: reframed(picture, 0.9, 0, 0),
    "80 % of the frame": lambda picture: reframed(picture, 0.8),
    "80 %, from a corner": lambda picture: reframed(picture, 0.8, 0, 0),
    "tilted 3 degrees": lambda picture: reframed(picture.rotate(3, Image.Resampling.BICUBIC), 0.92),
    "50 % lighter": lambda picture: lighter(picture, 1.5),
    "40 % darker": lambda picture: lighter(picture, 0.6),
    "1.5 stops lighter": lambda picture: exposed(picture, 1.5),
    "1.5 stops darker": lambda picture: exposed(picture, -1.5),
}


class Model:
    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path)

    def embed(self, picture):
        (features,) = self.session.run(None, {"input": network_input(picture)})
        return features[0] / np.linalg.norm(features[0])


def rooted(vectors):
    """Signed square roots of vectors in the last axis, of unit length."""
    roots = np.sign(vectors) * np.sqrt(np.abs(vectors))
    return roots / np.linalg.norm(roots, axis=-1, keepdims=True)


def report(name, cosines):
    least, fifth, median, greatest = np.percentile(cosines, [0, 5, 50, 100])
    print(f"{name:22} {len(cosines):5} pairs  {least:.3f} least  {fifth:.3f} 5 %  {median:.3f} median  {greatest:.3f} most")


def copies(model, pictures, vectors, ways):
    """Root cosines of the pictures and their copies."""
    every = []
    for name, change in ways.items():
        changed = np.stack([model.embed(change(picture)) for picture in pictures])
        cosines = (rooted(vectors) * rooted(changed)).sum(axis=1).tolist()
        report(name, cosines)
        every += cosines
    return every


def fixture_cosines(model):
    """Root cosines of the fixtures' pairs: within bursts, exposures and crops, and between photos of different groups."""
    groups = json.loads((FIXTURES / "groups.json").read_text())
    photos = FIXTURES / "photos"
    vectors = {
        str(path.relative_to(photos)): rooted(model.embed(upright(path)))
        for path in sorted(photos.rglob("*"))
        if path.is_file()
    }
    within, group_of = {}, {}
    for kind in ("bursts", "exposures", "crops"):
        sets = groups[kind].values()
        pairs = [pair for names in sets for pair in itertools.combinations(names, 2)]
        within[kind] = [float(vectors[one] @ vectors[other]) for one, other in pairs]
        group_of |= {name: names[0] for names in sets for name in names}
    group_of |= dict.fromkeys(groups["orientations"], groups["orientations"][0])
    different = [
        float(vectors[one] @ vectors[other])
        for one, other in itertools.combinations(vectors, 2)
        if group_of.get(one, one) != group_of.get(other, other)
    ]
    return within, different


def two_digits_down(value):
    return math.floor(value * 100) / 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("package", type=Path, help="gcompris-qt-data_3.1-2_all.deb")
    parser.add_argument("model", type=Path, help="resnet50.onnx or resnet50-int8.onnx")
    arguments = parser.parse_args()

    model = Model(arguments.model)
    pictures = [at_most(LONGEST_SIDE, picture) for picture in package_photographs(arguments.package)]
    vectors = np.stack([model.embed(picture) for picture in pictures])
    saved = copies(model, pictures, vectors, SAVED_AGAIN)
    taken = copies(model, pictures, vectors, TAKEN_AGAIN)
    unrelated = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    report("unrelated", unrelated)
    unrelated_roots = (rooted(vectors) @ rooted(vectors).T)[np.triu_indices(len(vectors), 1)]
    report("unrelated, roots", unrelated_roots)
    thresholds = {
        "nearDuplicate": two_digits_down(min(saved)),
        "burst": round(two_digits_down(max(unrelated_roots)) + 0.01, 2),
        "similar": two_digits_down(np.percentile(unrelated, 99)),
    }
    found = np.mean(np.array(taken) >= thresholds["burst"])
    print(f"taken again, at least {thresholds['burst']}: {found:.1%}")

    within, different = fixture_cosines(model)
    for kind, cosines in within.items():
        report(f"fixtures: {kind}", cosines)
    report("fixtures: different", different)
    print(json.dumps(thresholds))
    sound = max(different) < thresholds["burst"] <= min(within["bursts"])
    sys.exit(0 if sound else "the fixtures' bursts do not agree with these thresholds")


if __name__ == "__main__":
    main()
