"""Reference vectors of the bundled model, for test/embedding/parity.test.ts.

    pip install -r requirements.txt && python make.py

The whole path in Python: Pillow decodes and turns the photo upright, resizes its short side with antialiased
bicubic, crops the centre; NumPy normalises; ONNX Runtime runs the model; the result is scaled to unit length.

Writes vectors.bin beside this file (float32, little-endian, one vector after the other) and vectors.json, which says
what each vector is of: a fixture, or an image made from a seed as in ../pillow/make.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.append(str(HERE.parent))
from pillow.make import pixels  # noqa: E402

MODEL = "resnet50"
PHOTOS = [
    "crab.jpg",
    "Garden/bee.jpg",
    "Garden/dandelion.tif",
    "Küche/fig.jpg",
    "Orientation/kingfisher-1.jpg",
    "Orientation/kingfisher-6.jpg",
    "Scans/drums.jpg",
    "brandenburg-gate.avif",
    "pets/chelsea.png",
    "pets/wool.webp",
]
# Width, height and seed; the seed divisible by four gives black and white noise.
GENERATED = [(320, 260, 1), (261, 700, 4), (30, 40, 7), (5, 235, 10)]


def model_input(image: Image.Image, spec: dict) -> np.ndarray:
    image = ImageOps.exif_transpose(image).convert("RGB")
    width, height = image.size
    short, side = spec["resizeShortSide"], spec["size"]
    # torchvision.transforms.functional.resize and center_crop.
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    left, top = (round((length - side) / 2) for length in size)
    crop = image.resize(size, Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
    levels = np.asarray(crop, np.float32) / np.float32(spec["scale"])
    return ((levels - np.float32(spec["mean"])) / np.float32(spec["std"])).transpose(2, 0, 1)[None].astype(np.float32)


def main() -> None:
    catalogue = json.loads((ROOT / "models/catalogue.json").read_text())
    model = next(entry for entry in catalogue["models"] if entry["id"] == MODEL)
    session = onnxruntime.InferenceSession(str(ROOT / "models" / model["file"]), providers=["CPUExecutionProvider"])
    images = [(name, Image.open(ROOT / "fixtures/photos" / name)) for name in PHOTOS]
    images += [
        ({"width": w, "height": h, "seed": seed}, Image.frombytes("RGB", (w, h), pixels(w, h, seed)))
        for w, h, seed in GENERATED
    ]
    vectors = []
    for _, image in images:
        feed = {model["input"]["name"]: model_input(image, model["input"])}
        (features,) = session.run([model["output"]], feed)
        vectors.append(features[0] / np.linalg.norm(features[0].astype(np.float64)))
    (HERE / "vectors.bin").write_bytes(np.asarray(vectors, "<f4").tobytes())
    about = {"model": model["sha256"], "of": [what for what, _ in images]}
    (HERE / "vectors.json").write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
