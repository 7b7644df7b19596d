"""Measure the statistics that a model's features are standardized with when hits are ranked anew.

    python ranking.py PACKAGES ../resnet50.onnx ../resnet50.ranking.bin

PACKAGES is the folder that holds the Debian 12 packages of PHOTOGRAPHS in
photographs.py. Writes mean and standard deviation, per dimension, of the unit
vectors of their photographs: float32, little-endian, [2, dim].
"""

import argparse
from pathlib import Path

import numpy as np
from calibrate import Model
from photographs import varied_photographs


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", type=Path, help="folder with the packages' .deb files")
    parser.add_argument("model", type=Path, help="resnet50.onnx or resnet50-int8.onnx")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()

    model = Model(arguments.model)
    vectors = np.stack([model.embed(picture) for picture in varied_photographs(arguments.packages)]).astype(np.float64)
    np.stack([vectors.mean(axis=0), vectors.std(axis=0)]).astype("<f4").tofile(arguments.out)
    print(f"{len(vectors)} photographs, {vectors.shape[1]} dimensions: {arguments.out}")


if __name__ == "__main__":
    main()
