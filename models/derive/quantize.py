"""Derive models/resnet50-int8.onnx from models/resnet50.onnx.

Static quantisation in QDQ form: int8 weights with a scale per output channel,
uint8 activations whose ranges are the least and greatest value seen over 121
photographs and their mirror images. The average pool stays float32, so that
the features are not rounded once more.

Processors with AVX2 but without VNNI add products in pairs and saturate at 16
bits. With plain 8-bit weights that moves the features as far as cosine 0.87 from
those of other processors, so weight scales are chosen such that no pair can
saturate: the vectors of an index then do not depend on the machine that made it.

    python quantize.py gcompris-qt-data_3.1-2_all.deb ../resnet50.onnx ../resnet50-int8.onnx PHOTO...

Prints, for each photo named, the cosine of its features to the float32 model's,
and fails if the median is below 0.99. Name photos that are not in the package.
"""

import argparse
import hashlib
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from photographs import network_input, package_photographs, upright

KEPT_FLOAT = ["avg_pool", "features"]
BOUND = 0.99
# 255 * 128 fits 16 bits; half a step is left for rounding.
GREATEST_WEIGHT, GREATEST_PAIR = 127, 127.5


def with_float32_weights(source):
    """The same graph with its float16 weights already cast: the quantiser wants plain initialisers."""
    model = onnx.load(source)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Cast"]:
        half = stored[node.input[0]]
        full = numpy_helper.to_array(half).astype(np.float32)
        graph.initializer.remove(half)
        graph.initializer.append(numpy_helper.from_array(full, node.output[0]))
        graph.node.remove(node)
    return model


def pair_safe_scales(kernel):
    """The least scale of each output channel whose neighbouring weights of one sign never add up to more than 128.

    Neighbours are those of either memory layout, since the runtime chooses the layout: [O, I, H, W] or [O, H, W, I].
    """
    channels = len(kernel)
    pairs = np.zeros(channels)
    for layout in (kernel, kernel.transpose(0, 2, 3, 1)):
        flat = layout.reshape(channels, -1)
        for one_sign in (np.maximum(flat, 0), np.maximum(-flat, 0)):
            pairs = np.maximum(pairs, (one_sign[:, :-1] + one_sign[:, 1:]).max(axis=1))
    greatest = np.abs(kernel).reshape(channels, -1).max(axis=1)
    return np.maximum(greatest / GREATEST_WEIGHT, pairs / GREATEST_PAIR).astype(np.float32)


def weight_overrides(model):
    """What `quantize_static` takes as TensorQuantOverrides: scales by weight name and output channel."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    symmetric = {"zero_point": np.int8(0), "quant_type": QuantType.QInt8, "axis": 0}
    return {
        node.input[1]: [{**symmetric, "scale": scale} for scale in pair_safe_scales(weights[node.input[1]])]
        for node in model.graph.node
        if node.op_type == "Conv"
    }


class Photographs(CalibrationDataReader):
    def __init__(self, pictures):
        straight = [network_input(picture) for picture in pictures]
        self.inputs = iter(straight + [np.ascontiguousarray(pixels[..., ::-1]) for pixels in straight])

    def get_next(self):
        pixels = next(self.inputs, None)
        return None if pixels is None else {"input": pixels}


def quantize(model, pictures):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "int8.onnx")
        quantize_static(
            model,
            target,
            Photographs(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=KEPT_FLOAT,
            extra_options={"TensorQuantOverrides": weight_overrides(model)},
        )
        quantized = onnx.load(target)
    del quantized.metadata_props[:]
    quantized.producer_name, quantized.producer_version = "curate", ""
    quantized.doc_string = "ImageNet ResNet-50 (Keras weights), int8, average-pool features; see models/README.md"
    onnx.checker.check_model(quantized, full_check=True)
    return quantized.SerializeToString(deterministic=True)


def unit_features(session, pixels):
    (features,) = session.run(None, {"input": pixels})
    return features[0] / np.linalg.norm(features[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("package", type=Path, help="gcompris-qt-data_3.1-2_all.deb")
    parser.add_argument("source", type=Path, help="resnet50.onnx")
    parser.add_argument("output", type=Path, help="the ONNX file to write")
    parser.add_argument("photos", type=Path, nargs="+", help="photos to compare the two models on")
    arguments = parser.parse_args()

    data = quantize(with_float32_weights(arguments.source), package_photographs(arguments.package))
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")

    full, small = (onnxruntime.InferenceSession(path) for path in (arguments.source, arguments.output))
    cosines = []
    for photo in arguments.photos:
        pixels = network_input(upright(photo))
        cosines.append(float(unit_features(full, pixels) @ unit_features(small, pixels)))
        print(f"{cosines[-1]:.5f}  {photo.name}")
    median = statistics.median(cosines)
    print(f"{len(cosines)} photos, cosine {median:.5f} median, {min(cosines):.5f} worst, bound {BOUND} for the median")
    sys.exit(0 if median >= BOUND else 1)


if __name__ == "__main__":
    main()
