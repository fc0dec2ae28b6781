#!/usr/bin/env python3
"""Decoders of the shapes of known language models with random weights: as ONNX files, and as PyTorch LoRA steps.

    python3 bench/reference/llm-shapes.py --export FOLDER --shape smollm-135m   FOLDER/model.onnx and model.onnx_data
    python3 bench/reference/llm-shapes.py --memory smollm-135m                  {"name", "peakMiB"} after five steps
    python3 bench/reference/llm-shapes.py smollm-135m                           a yardstick that another process drives

Driven, it answers `run NAME STEPS` with {"name", "steps", "seconds", "cpu"} and ends with `quit`, as steps.py does.

The graph is what exporters write: RMS norms by Pow, ReduceMean, Sqrt and Div, rotary embeddings by Slice, Neg and
Concat, grouped keys repeated by Expand, SwiGLU by Sigmoid and Mul, weights as [in, out] of a MatMul, the head a
Transpose of the embedding. Weights are normal with deviation 0.02.

The step: LoRA of rank 8 and alpha 16 on every linear layer of the blocks, nothing else trains; next-token
cross-entropy; AdamW; one row of 128 tokens; eager, one thread, float32.
"""

import argparse
import json
import math
import os
import resource
import sys
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
import blas  # noqa: E402, F401: before torch

SHAPES = {
    'tiny': dict(layers=2, width=64, heads=4, kv=2, hidden=128, vocabulary=512, bias=False),
    # Few tokens and wide layers: 2.04 GiB of weights, more than one protobuf message holds.
    'over-2gib': dict(layers=9, width=2048, heads=16, kv=4, hidden=8192, vocabulary=512, bias=False),
    'smollm-135m': dict(layers=30, width=576, heads=9, kv=3, hidden=1536, vocabulary=49152, bias=False),
    'qwen2.5-0.5b': dict(layers=24, width=896, heads=14, kv=2, hidden=4864, vocabulary=151936, bias=True),
}
TOKENS = 128
RANK = 8
ALPHA = 16
BASE = 10000.0
EPSILON = 1e-5


def linear_layers(s):
    """Name of a block's linear layer, what it reads and gives, whether it has a bias."""
    head = s['width'] // s['heads']
    kv = s['kv'] * head
    return [
        ('self_attn.q_proj', s['width'], s['width'], s['bias']),
        ('self_attn.k_proj', s['width'], kv, s['bias']),
        ('self_attn.v_proj', s['width'], kv, s['bias']),
        ('self_attn.o_proj', s['width'], s['width'], False),
        ('mlp.gate_proj', s['width'], s['hidden'], False),
        ('mlp.up_proj', s['width'], s['hidden'], False),
        ('mlp.down_proj', s['hidden'], s['width'], False),
    ]


# As ONNX


def export(shape, folder):
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    s = SHAPES[shape]
    head = s['width'] // s['heads']
    os.makedirs(folder, exist_ok=True)
    random = np.random.default_rng(0)
    nodes, initializers = [], []
    data = open(os.path.join(folder, 'model.onnx_data'), 'wb')

    def weight(name, array):
        offset = -(-data.tell() // 4096) * 4096
        data.seek(offset)
        data.write(array.astype('<f4').tobytes())
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (('location', 'model.onnx_data'), ('offset', offset), ('length', array.size * 4)):
            tensor.external_data.add(key=key, value=str(value))
        initializers.append(tensor)
        return name

    def drawn(name, *dims):
        return weight(name, random.standard_normal(dims, dtype=np.float32) * 0.02)

    known = {}

    def constant(value, kind=np.int64):
        key = (str(value), kind)
        if key not in known:
            known[key] = f'constant_{len(known)}'
            initializers.append(numpy_helper.from_array(np.array(value, dtype=kind), known[key]))
        return known[key]

    def number(value):
        return constant(value, np.float32)

    def node(op, inputs, at, **attributes):
        name = f'{at}/{op}' if not at.endswith(op) else at
        output = f'{name}_output_{len(nodes)}'
        nodes.append(helper.make_node(op, inputs, [output], name=f'{name}', **attributes))
        return output

    def norm(x, name, at):
        square = node('Pow', [x, number(2.0)], at)
        mean = node('ReduceMean', [square], at, axes=[-1], keepdims=1)
        root = node('Sqrt', [node('Add', [mean, number(EPSILON)], at)], at)
        return node('Mul', [weight(name, np.ones(s['width'], dtype=np.float32)), node('Div', [x, root], at)], at)

    def linear(x, module, inputs, outputs, bias):
        at = '/' + module.replace('layers/', 'layers.').replace('.', '/').replace('layers/', 'layers.')
        y = node('MatMul', [x, drawn(f'onnx::{module}', inputs, outputs)], at)
        return node('Add', [drawn(f'{module}.bias', outputs), y], at) if bias else y

    def rotated(x, at, cos, sin):
        half = constant([head // 2])
        first = node('Slice', [x, constant([0]), half, constant([3])], at)
        second = node('Slice', [x, half, constant([2**62]), constant([3])], at)
        turned = node('Concat', [node('Neg', [second], at), first], at, axis=-1)
        return node('Add', [node('Mul', [x, cos], at), node('Mul', [turned, sin], at)], at)

    embedding = drawn('model.embed_tokens.weight', s['vocabulary'], s['width'])
    x = node('Gather', [embedding, 'input_ids'], '/model/embed_tokens')
    count = node('Gather', [node('Shape', ['input_ids'], '/model'), constant(1)], '/model', axis=0)
    positions = node('Range', [constant(0), count, constant(1)], '/model')
    frequencies = (1.0 / BASE ** (np.arange(0, head, 2, dtype=np.float32) / head)).tolist()
    line = node('Unsqueeze', [node('Cast', [positions], '/model', to=1), constant([1])], '/model')
    angles = node('Mul', [line, number(frequencies)], '/model/rotary_emb')
    angles = node('Concat', [angles, angles], '/model/rotary_emb', axis=-1)
    cos, sin = node('Cos', [angles], '/model/rotary_emb'), node('Sin', [angles], '/model/rotary_emb')
    row = node('Unsqueeze', [positions, constant([0])], '/model')
    column = node('Unsqueeze', [positions, constant([1])], '/model')
    future = node('Less', [column, row], '/model')
    causal = node('Where', [future, number(-3.4e38), number(0.0)], '/model')
    repeats = s['heads'] // s['kv']

    def split(y, count, at):
        return node('Transpose', [node('Reshape', [y, constant([0, 0, count, head])], at)], at, perm=[0, 2, 1, 3])

    def repeated(y, at):
        if repeats == 1:
            return y
        dims = node('Concat', [constant([1, s['kv'], repeats]), node('Unsqueeze', [count, constant([0])], at), constant([head])], at, axis=0)
        wide = node('Expand', [node('Unsqueeze', [y, constant([2])], at), dims], at)
        return node('Reshape', [wide, constant([0, s['heads'], -1, head])], at)

    for layer in range(s['layers']):
        path = f'model.layers.{layer}'
        at = f'/model/layers.{layer}'
        of = {name: (inputs, outputs, bias) for name, inputs, outputs, bias in linear_layers(s)}

        def apply(y, name):
            return linear(y, f'{path}.{name}', *of[name])

        normed = norm(x, f'{path}.input_layernorm.weight', f'{at}/input_layernorm')
        attention = f'{at}/self_attn'
        q = rotated(split(apply(normed, 'self_attn.q_proj'), s['heads'], attention), attention, cos, sin)
        k = rotated(split(apply(normed, 'self_attn.k_proj'), s['kv'], attention), attention, cos, sin)
        v = repeated(split(apply(normed, 'self_attn.v_proj'), s['kv'], attention), attention)
        keys = node('Transpose', [repeated(k, attention)], attention, perm=[0, 1, 3, 2])
        scores = node('Mul', [node('MatMul', [q, keys], attention), number(1 / math.sqrt(head))], attention)
        shares = node('Softmax', [node('Add', [scores, causal], attention)], attention, axis=-1)
        mixed = node('Transpose', [node('MatMul', [shares, v], attention)], attention, perm=[0, 2, 1, 3])
        flat = node('Reshape', [mixed, constant([0, 0, s['width']])], attention)
        x = node('Add', [x, apply(flat, 'self_attn.o_proj')], at)
        normed = norm(x, f'{path}.post_attention_layernorm.weight', f'{at}/post_attention_layernorm')
        gate = apply(normed, 'mlp.gate_proj')
        active = node('Mul', [gate, node('Sigmoid', [gate], f'{at}/mlp/act_fn')], f'{at}/mlp/act_fn')
        hidden = node('Mul', [active, apply(normed, 'mlp.up_proj')], f'{at}/mlp')
        x = node('Add', [x, apply(hidden, 'mlp.down_proj')], at)
    x = norm(x, 'model.norm.weight', '/model/norm')
    turned = node('Transpose', [embedding], '/lm_head', perm=[1, 0])
    nodes.append(helper.make_node('MatMul', [x, turned], ['logits'], name='/lm_head/MatMul'))
    graph = helper.make_graph(
        nodes,
        'main_graph',
        [helper.make_tensor_value_info('input_ids', TensorProto.INT64, ['batch_size', 'sequence_length'])],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['batch_size', 'sequence_length', s['vocabulary']])],
        initializers,
    )
    data.close()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 14)], producer_name='llm-shapes')
    model.ir_version = 8
    with open(os.path.join(folder, 'model.onnx'), 'wb') as file:
        file.write(model.SerializeToString())


# As a PyTorch step


def step_of(shape):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    s = SHAPES[shape]
    head = s['width'] // s['heads']

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(s['width']), requires_grad=False)

        def forward(self, x):
            return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON))

    class Lora(nn.Module):
        def __init__(self, inputs, outputs, bias):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(outputs, inputs).mul_(0.02), requires_grad=False)
            self.bias = nn.Parameter(torch.randn(outputs).mul_(0.02), requires_grad=False) if bias else None
            self.a = nn.Parameter(torch.empty(RANK, inputs).uniform_(-inputs**-0.5, inputs**-0.5))
            self.b = nn.Parameter(torch.zeros(outputs, RANK))

        def forward(self, x):
            return F.linear(x, self.weight, self.bias) + F.linear(F.linear(x, self.a), self.b) * (ALPHA / RANK)

    def rotate(x, cos, sin):
        first, second = x[..., : head // 2], x[..., head // 2 :]
        return x * cos + torch.cat((-second, first), dim=-1) * sin

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = Norm(), Norm()
            layers = linear_layers(s)
            self.q, self.k, self.v, self.o, self.gate, self.up, self.down = (Lora(*own[1:]) for own in layers)

        def forward(self, x, cos, sin, mask):
            batch, tokens, width = x.shape
            normed = self.first(x)
            q = rotate(self.q(normed).view(batch, tokens, s['heads'], head).transpose(1, 2), cos, sin)
            k = rotate(self.k(normed).view(batch, tokens, s['kv'], head).transpose(1, 2), cos, sin)
            v = self.v(normed).view(batch, tokens, s['kv'], head).transpose(1, 2)
            repeats = s['heads'] // s['kv']
            k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
            shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(head) + mask, dim=-1)
            x = x + self.o((shares @ v).transpose(1, 2).reshape(batch, tokens, width))
            normed = self.second(x)
            return x + self.down(F.silu(self.gate(normed)) * self.up(normed))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            table = torch.randn(s['vocabulary'], s['width']).mul_(0.02)
            self.embedding = nn.Parameter(table, requires_grad=False)
            self.blocks = nn.ModuleList(Block() for _ in range(s['layers']))
            self.norm = Norm()
            angles = torch.outer(torch.arange(TOKENS).float(), BASE ** (-torch.arange(0, head, 2).float() / head))
            angles = torch.cat((angles, angles), dim=-1)
            self.cos, self.sin = angles.cos(), angles.sin()
            self.mask = torch.full((TOKENS, TOKENS), -3.4e38).triu(1)

        def forward(self, ids):
            x = F.embedding(ids, self.embedding)
            for block in self.blocks:
                x = block(x, self.cos, self.sin, self.mask)
            return F.linear(self.norm(x), self.embedding)

    model = Decoder()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    ids = torch.randint(s['vocabulary'], (1, TOKENS))

    def step():
        optimiser.zero_grad(set_to_none=True)
        logits = model(ids)
        F.cross_entropy(logits[:, :-1].reshape(-1, s['vocabulary']), ids[:, 1:].reshape(-1)).backward()
        optimiser.step()

    return step


def serve(shape):
    step = step_of(shape)
    step()
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == 'quit':
            break
        steps = int(words[2])
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            step()
        found = {'name': words[1], 'steps': steps, 'seconds': time.perf_counter() - began, 'cpu': time.process_time() - cpu}
        print(json.dumps(found), flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('serve', nargs='?', choices=SHAPES)
    arguments.add_argument('--export', metavar='FOLDER')
    arguments.add_argument('--shape', choices=SHAPES, default='smollm-135m')
    arguments.add_argument('--memory', choices=SHAPES)
    given = arguments.parse_args()
    if given.export:
        export(given.shape, given.export)
    elif given.memory:
        step = step_of(given.memory)
        for _ in range(5):
            step()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({'name': given.memory, 'peakMiB': round(peak)}))
    elif given.serve:
        serve(given.serve)
    else:
        arguments.print_help()


if __name__ == '__main__':
    main()
