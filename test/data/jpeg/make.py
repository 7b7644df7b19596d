"""Small JPEGs of kinds that sharp does not write, for test/photos/jpeg-reduced.test.ts.

    pip install -r ../pillow/requirements.txt && python make.py
"""

from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
PHOTO = HERE.parents[2] / "fixtures/photos/pets/kitten-1.jpg"

KINDS = {
    "444": {"subsampling": "4:4:4"},
    "422": {"subsampling": "4:2:2"},
    "420": {"subsampling": "4:2:0"},
    "optimized": {"optimize": True, "quality": 97},
    "coarse": {"quality": 12},
    "restart-blocks": {"restart_marker_blocks": 3},
    "restart-rows": {"restart_marker_rows": 1},
    "rgb": {"keep_rgb": True},
    "progressive": {"progressive": True},
    "progressive-restarts": {"progressive": True, "restart_marker_blocks": 7},
}


def main() -> None:
    # Sides that are no multiple of a block, nor of two.
    photo = Image.open(PHOTO).convert("RGB").resize((173, 131), Image.Resampling.BICUBIC)
    for name, options in KINDS.items():
        photo.save(HERE / f"{name}.jpg", "JPEG", **options)


if __name__ == "__main__":
    main()
