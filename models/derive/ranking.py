"""Measure the statistics that a model's features are standardized with when hits are reranked, and how alike
different photographs are.

    python ranking.py PACKAGES ../resnet50.onnx ../resnet50.ranking.bin

PACKAGES is the folder that holds the Debian 12 packages of PHOTOGRAPHS in
photographs.py. Writes mean and standard deviation, per dimension, of the unit
vectors of their photographs: float32, little-endian, [2, dim]. Prints what stands
as `pairs` in models/catalogue.json: the similarities of all pairs of photographs,
in the form of PairSimilarities in src/library/ranking/likeness.ts.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate import Model
from photographs import varied_photographs


def pair_similarities(vectors):
    """Quantiles of the pairs' cosines to 0.99, and a generalised Pareto distribution above (Hosking and Wallis 1987)."""
    cosines = np.sort((vectors @ vectors.T)[np.triu_indices(len(vectors), 1)])
    quantiles = np.quantile(cosines, np.arange(100) / 100)
    excesses = cosines[cosines > quantiles[-1]] - quantiles[-1]
    mean = excesses.mean()
    weighted = ((1 - (np.arange(len(excesses)) + 0.65) / len(excesses)) * excesses).mean()
    difference = mean - 2 * weighted
    tail = {"shape": round(2 - mean / difference, 4), "scale": round(2 * mean * weighted / difference, 5)}
    return {"quantiles": [round(float(value), 4) for value in quantiles], "tail": tail, "photos": len(vectors)}


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
    print(json.dumps(pair_similarities(vectors)))


if __name__ == "__main__":
    main()
