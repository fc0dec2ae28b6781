#!/usr/bin/env python3
"""Writes test/fixtures/genai: a narrow Llama as onnxruntime-genai's model builder lays one out, and what PyTorch says of it.

    /usr/bin/python3 bench/reference/genai-decoder.py

Cache inputs, grouped queries, rotary embeddings (inside GroupQueryAttention in the first layer, as nodes of their own in the second), norms without a
mean, and linear layers of 4 bits (first layer, with zero points) and 8 bits (second layer, without), which stay as they are. Each has a low-rank update;
decoder.safetensors holds the updates, the loss of two rows and its gradient by each update, computed in float64 from the dequantised weights.
"""

import json
import math
import struct
from pathlib import Path

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parents[2] / 'test' / 'fixtures' / 'genai'
VOCABULARY, HIDDEN, INNER, HEADS, KEY_HEADS, SIZE, LAYERS, POSITIONS, BLOCK = 40, 32, 48, 4, 2, 16, 2, 16, 16
RANK, ALPHA, EPSILON, TOKENS = 2, 4.0, 1e-5, 6
TYPES = {'int64': 'I64', 'float32': 'F32'}


def write_safetensors(path, tensors):
    header, parts, offset = {}, [], 0
    for name, array in tensors.items():
        raw = numpy.ascontiguousarray(array).tobytes()
        header[name] = {'dtype': TYPES[str(array.dtype)], 'shape': list(array.shape), 'data_offsets': [offset, offset + len(raw)]}
        parts.append(raw)
        offset += len(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(parts))


def pack(values, bits):
    """Numbers along the last axis in bytes, lowest bits first."""
    each = 8 // bits
    padded = numpy.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, -values.shape[-1] % each)])
    groups = padded.reshape(*padded.shape[:-1], -1, each).astype(numpy.uint8)
    return numpy.bitwise_or.reduce(groups << (bits * numpy.arange(each, dtype=numpy.uint8)), axis=-1)


class Export:
    def __init__(self):
        self.nodes, self.initializers, self.linears = [], [], {}
        self.random = numpy.random.default_rng(0)

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def draw(self, *dims, spread=1.0, mean=0.0):
        return (mean + spread * self.random.standard_normal(dims)).astype(numpy.float32)

    def node(self, op, inputs, name, outputs=None, domain='', **attributes):
        outputs = outputs or [f'{name}/output_0']
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs[0]

    def linear(self, path, x, rows, columns, bits):
        """MatMulNBits, called as the builder calls it; and the weight that it stands for."""
        blocks = columns // BLOCK
        most = 2**bits
        codes = self.random.integers(0, most, (rows, blocks, BLOCK))
        scales = (self.random.uniform(0.5, 1.5, (rows, blocks)) * 2 / (most * math.sqrt(columns))).astype(numpy.float32)
        zeros = self.random.integers(most // 2 - 2, most // 2 + 3, (rows, blocks)) if bits == 4 else None
        name = path[1:].replace('/', '.')
        weight = self.constant(f'{name}.MatMul.weight_Q{bits}', pack(codes, bits))
        inputs = [x, weight, self.constant(f'{name}.MatMul.weight_scales', scales.reshape(-1))]
        if zeros is not None:
            inputs.append(self.constant(f'{name}.MatMul.weight_zp', pack(zeros, bits).reshape(-1)))
        middle = zeros if zeros is not None else numpy.full((rows, blocks), most // 2)
        self.linears[weight] = ((codes - middle[..., None]) * scales[..., None].astype(numpy.float64)).reshape(rows, columns)
        y = self.node(
            'MatMulNBits', inputs, f'{path}/MatMul_Q{bits}', domain='com.microsoft',
            N=rows, K=columns, bits=bits, block_size=BLOCK, accuracy_level=0,
        )  # fmt: skip
        return y, weight


def export():
    e = Export()
    floats = {'embed': e.draw(VOCABULARY, HIDDEN), 'head': e.draw(HIDDEN, VOCABULARY, spread=0.3)}
    # cos and sin of position times 10000^(-2i / size), as Llama's
    angles = numpy.outer(numpy.arange(POSITIONS), 10000.0 ** (-numpy.arange(0, SIZE, 2) / SIZE))
    tables = [e.constant('cos_cache', numpy.cos(angles).astype(numpy.float32)), e.constant('sin_cache', numpy.sin(angles).astype(numpy.float32))]
    # lengths less one, and the longest
    summed = e.node('ReduceSum', ['attention_mask', e.constant('one_axis', numpy.array([1]))], '/model/mask/ReduceSum', keepdims=0)
    less = e.node('Sub', [summed, e.constant('one', numpy.array(1))], '/model/mask/Sub')
    lengths = e.node('Cast', [less], '/model/mask/seqlens/Cast', to=TensorProto.INT32)
    shape = e.node('Shape', ['attention_mask'], '/model/mask/Shape')
    longest = e.node('Gather', [shape, 'one'], '/model/mask/Gather', axis=0)
    total = e.node('Cast', [longest], '/model/mask/total/Cast', to=TensorProto.INT32)

    x = e.node('Gather', [e.constant('model.embed_tokens.weight', floats['embed']), 'input_ids'], '/model/embed_tokens/Gather')

    def norm(path, residual, branch):
        weight = e.draw(HIDDEN, spread=0.1, mean=1)
        floats[path] = weight
        name = e.constant(f'{path[1:].replace("/", ".")}.weight', weight)
        if branch is None:
            return e.node('SimplifiedLayerNormalization', [residual, name], f'{path}/LayerNorm', axis=-1, epsilon=EPSILON, stash_type=1), residual
        outputs = [f'{path}/output_0', '', '', f'{path}/output_3']
        y = e.node('SkipSimplifiedLayerNormalization', [residual, branch, name], f'{path}/SkipLayerNorm', outputs, 'com.microsoft', epsilon=EPSILON)
        return y, outputs[3]

    residual, branch = x, None
    for layer in range(LAYERS):
        bits, at = (4, 8)[layer], f'/model/layers.{layer}'
        y, residual = norm(f'{at}/input_layernorm', residual, branch)
        query, _ = e.linear(f'{at}/attn/q_proj', y, HEADS * SIZE, HIDDEN, bits)
        key, _ = e.linear(f'{at}/attn/k_proj', y, KEY_HEADS * SIZE, HIDDEN, bits)
        value, _ = e.linear(f'{at}/attn/v_proj', y, KEY_HEADS * SIZE, HIDDEN, bits)
        inside = layer == 0
        if not inside:
            query, key = (
                e.node('RotaryEmbedding', [one, 'position_ids', *tables], f'{at}/attn/{name}_rotary/RotaryEmbedding', domain='com.microsoft', interleaved=0)
                for one, name in ((query, 'q'), (key, 'k'))
            )
        past = [f'past_key_values.{layer}.key', f'past_key_values.{layer}.value']
        outputs = [f'{at}/attn/GroupQueryAttention/output_0', f'present.{layer}.key', f'present.{layer}.value']
        attended = e.node(
            'GroupQueryAttention', [query, key, value, *past, lengths, total, *(tables if inside else [])], f'{at}/attn/GroupQueryAttention', outputs,
            'com.microsoft', num_heads=HEADS, kv_num_heads=KEY_HEADS, scale=1 / math.sqrt(SIZE), do_rotary=int(inside), rotary_interleaved=0,
        )  # fmt: skip
        branch, _ = e.linear(f'{at}/attn/o_proj', attended, HIDDEN, HEADS * SIZE, bits)
        y, residual = norm(f'{at}/post_attention_layernorm', residual, branch)
        gate, _ = e.linear(f'{at}/mlp/gate_proj', y, INNER, HIDDEN, bits)
        up, _ = e.linear(f'{at}/mlp/up_proj', y, INNER, HIDDEN, bits)
        active = e.node('Mul', [gate, e.node('Sigmoid', [gate], f'{at}/mlp/act_fn/Sigmoid')], f'{at}/mlp/act_fn/Mul')
        branch, _ = e.linear(f'{at}/mlp/down_proj', e.node('Mul', [active, up], f'{at}/mlp/Mul'), HIDDEN, INNER, bits)
    y, _ = norm('/model/norm', residual, branch)
    e.node('MatMul', [y, e.constant('lm_head.MatMul.weight', floats['head'])], '/lm_head/MatMul', ['logits'])

    ints, f32 = TensorProto.INT64, TensorProto.FLOAT
    info = helper.make_tensor_value_info
    inputs = [
        info('input_ids', ints, ['batch_size', 'sequence_length']),
        info('attention_mask', ints, ['batch_size', 'total_sequence_length']),
        info('position_ids', ints, ['batch_size', 'sequence_length']),
    ]
    outputs = [info('logits', f32, ['batch_size', 'sequence_length', VOCABULARY])]
    for layer in range(LAYERS):
        for part in ('key', 'value'):
            inputs.append(info(f'past_key_values.{layer}.{part}', f32, ['batch_size', KEY_HEADS, 'past_sequence_length', SIZE]))
            outputs.append(info(f'present.{layer}.{part}', f32, ['batch_size', KEY_HEADS, 'total_sequence_length', SIZE]))
    graph = helper.make_graph(e.nodes, 'main_graph', inputs, outputs, e.initializers)
    opsets = [helper.make_opsetid('', 17), helper.make_opsetid('com.microsoft', 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name='onnxruntime-genai')
    return model, floats, e.linears, angles


def torch_loss(floats, linears, angles, updates, ids, lengths):
    """The mean over the tokens that count, in float64."""
    double = lambda array: torch.tensor(array, dtype=torch.float64)
    embed, head = double(floats['embed']), double(floats['head'])
    cos, sin = double(numpy.cos(angles).astype(numpy.float32)), double(numpy.sin(angles).astype(numpy.float32))

    def rms(x, path):
        return x / (x.pow(2).mean(-1, keepdim=True) + EPSILON).sqrt() * double(floats[path])

    def linear(x, weight):
        a, b = updates[weight]
        return x @ double(linears[weight]).T + ALPHA / RANK * (x @ a.T) @ b.T

    def heads(x, count):
        return x.view(*x.shape[:2], count, SIZE).transpose(1, 2)

    def turned(x):
        c, s = cos[: x.shape[2]], sin[: x.shape[2]]
        first, second = x.chunk(2, -1)
        return torch.cat([first * c - second * s, second * c + first * s], -1)

    x = embed[ids]
    causal = torch.full((TOKENS, TOKENS), -math.inf, dtype=torch.float64).triu(1)
    for layer in range(LAYERS):
        bits, at = (4, 8)[layer], f'model.layers.{layer}'
        name = lambda part: f'{at}.{part}.MatMul.weight_Q{bits}'
        y = rms(x, f'/model/layers.{layer}/input_layernorm')
        query = turned(heads(linear(y, name('attn.q_proj')), HEADS))
        key = turned(heads(linear(y, name('attn.k_proj')), KEY_HEADS)).repeat_interleave(HEADS // KEY_HEADS, 1)
        value = heads(linear(y, name('attn.v_proj')), KEY_HEADS).repeat_interleave(HEADS // KEY_HEADS, 1)
        shares = (query @ key.transpose(-1, -2) / math.sqrt(SIZE) + causal).softmax(-1)
        x = x + linear((shares @ value).transpose(1, 2).reshape(*x.shape[:2], -1), name('attn.o_proj'))
        y = rms(x, f'/model/layers.{layer}/post_attention_layernorm')
        active = torch.nn.functional.silu(linear(y, name('mlp.gate_proj')))
        x = x + linear(active * linear(y, name('mlp.up_proj')), name('mlp.down_proj'))
    logits = rms(x, '/model/norm') @ head
    labels = torch.where(torch.arange(TOKENS) < lengths[:, None], ids, -100)
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, VOCABULARY), labels[:, 1:].reshape(-1))
    return loss, logits, labels


def main():
    model, floats, linears, angles = export()
    generator = torch.Generator().manual_seed(1)
    draw = lambda *dims: (0.3 * torch.randn(*dims, generator=generator)).float().double().requires_grad_()
    updates = {name: (draw(RANK, weight.shape[1]), draw(weight.shape[0], RANK)) for name, weight in linears.items()}
    ids = torch.randint(0, VOCABULARY, (2, TOKENS), generator=generator)
    lengths = torch.tensor([TOKENS, TOKENS - 2])
    loss, logits, labels = torch_loss(floats, linears, angles, updates, ids, lengths)
    loss.backward()
    f32 = lambda tensor: tensor.detach().numpy().astype(numpy.float32)
    tensors = {
        'input_ids': ids.numpy(),
        'attention_mask': (torch.arange(TOKENS) < lengths[:, None]).long().numpy(),
        'position_ids': torch.arange(TOKENS).expand(2, -1).numpy(),
        'labels': labels.numpy(),
        'loss': f32(loss),
        'logits': f32(logits),
    }
    for name, (a, b) in updates.items():
        tensors |= {f'{name}/lora_A': f32(a), f'{name}/lora_B': f32(b)}
        tensors |= {f'gradient/{name}/lora_A': f32(a.grad), f'gradient/{name}/lora_B': f32(b.grad)}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / 'decoder.onnx').write_bytes(model.SerializeToString())
    write_safetensors(FOLDER / 'decoder.safetensors', tensors)
    print(f'loss {loss.item()}, {len(updates)} updates')


main()
