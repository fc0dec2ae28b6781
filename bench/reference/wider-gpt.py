#!/usr/bin/env python3
"""A GPT-2-like ONNX file of twice the width that answers as it did (Net2WiderNet: Chen et al. 2016, arXiv 1511.05641).

    /usr/bin/python3 bench/reference/wider-gpt.py model.onnx wider.onnx [--seed 0]

Every feature and every head is there twice. What reads two copies of a feature has a weight for each, which add up to the old one and
differ at random, so that the copies learn different things from the first step on. Needs onnx and numpy.
"""

import argparse

import numpy as np
import onnx
from onnx import numpy_helper

parser = argparse.ArgumentParser()
parser.add_argument('source')
parser.add_argument('target')
parser.add_argument('--seed', type=int, default=0)
asked = parser.parse_args()
random = np.random.default_rng(asked.seed)
model = onnx.load(asked.source)
graph = model.graph
width = next(t for t in graph.initializer if t.name == 'wte.weight').dims[1]
heads = next(i for i in graph.input if i.name.startswith('past_key_values')).type.tensor_type.shape.dim[1].dim_value


def twice(array, axis, parts=1):
    """Copies behind each other along an axis, of each part by itself: queries, keys and values are parts."""
    return np.concatenate([copy for part in np.split(array, parts, axis) for copy in (part, part)], axis)


def read_twice(weight):
    """[in, out] as [2 in, out]: two shares of each weight that add up to it."""
    share = 0.5 + 0.5 * random.standard_normal(weight.shape)
    return np.concatenate([weight * share, weight * (1 - share)], 0)


def wider(name, array):
    if name in ('wte.weight', 'wpe.weight'):
        return twice(array, 1)
    parts = 3 if array.shape[-1] == 3 * width else 1
    if array.ndim == 1:
        return twice(array, 0, parts)
    read = read_twice(array)
    # The head gives as many logits as it did.
    return read if array.shape[1] > 4 * width else twice(read, 1, parts)


for tensor in graph.initializer:
    array = wider(tensor.name, numpy_helper.to_array(tensor)).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))
for node in graph.node:
    if node.op_type != 'Constant':
        continue
    value = numpy_helper.to_array(node.attribute[0].t)
    if value.ravel().tolist() in ([width] * 3, [heads]):
        node.attribute[0].t.CopyFrom(numpy_helper.from_array(value * 2, node.attribute[0].t.name))
for info in [*graph.input, *graph.output]:
    dims = info.type.tensor_type.shape.dim
    if len(dims) == 4:
        dims[1].dim_value = 2 * heads
del graph.value_info[:]
onnx.checker.check_model(model)
onnx.save(model, asked.target)
print(sum(int(np.prod(t.dims)) for t in graph.initializer), 'parameters')
