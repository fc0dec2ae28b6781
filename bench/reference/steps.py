#!/usr/bin/env python3
"""Times PyTorch training steps on one thread (or OMP_NUM_THREADS of them), as the yardstick for the benchmarks of Holdfast.

    python3 bench/reference/steps.py --all          a table: one JSON line a step
    python3 bench/reference/steps.py --memory NAME  one JSON line {"name", "peakMiB"}, after five steps
    python3 bench/reference/steps.py                a yardstick that another process drives

Driven, it reads `run NAME STEPS` (or `list`, or `quit`) from stdin and answers each with one JSON line
{"name", "steps", "seconds", "processor"}, the latter of the processor, so that a driver can alternate A B A B between this process and another.
README.md beside this file defines every step.

Eager PyTorch, batches already in memory, no loss read back. Where PyTorch offers several ways to do the same
(foreach and fused optimisers, channels-last images, attention by module or by hand), all are tried and the fastest
is kept: doubts are settled in PyTorch's favour.
"""

import argparse
import json
import os
import statistics
import sys
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')

import blas  # noqa: E402, F401: before torch

import torch
from torch import nn
from torch.nn import functional as F

EWC_LAMBDA = 1000.0
CLASSES = 10


# Models


def mlp(*widths):
    layers = []
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        if i > 0:
            layers.append(nn.ReLU())
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


def cnn(channels):
    """Five 3x3 convolutions on 3x32x32, max-pooling after the second and fourth, mean over 8x8, linear 10."""
    a, b, c, d, e = channels

    def conv(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]

    return nn.Sequential(
        *conv(3, a), *conv(a, b), nn.MaxPool2d(2),
        *conv(b, c), *conv(c, d), nn.MaxPool2d(2),
        *conv(d, e), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(e, CLASSES),
    )


class PoolAndClassify(nn.Module):
    """Encoder, LayerNorm, mean over the tokens, linear."""

    def __init__(self, layers, width):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        return self.head(self.norm(self.layers(x)).mean(1))


class HandWrittenLayer(nn.Module):
    """The same mathematics and parameters as nn.TransformerEncoderLayer, without its batch_first transpositions."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def attend(self, x):
        batch, tokens, width = x.shape
        query, key, value = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if hasattr(F, 'scaled_dot_product_attention'):
            mixed = F.scaled_dot_product_attention(query, key, value)
        else:
            scores = (query * (width // self.heads) ** -0.5) @ key.transpose(-2, -1)
            mixed = scores.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


def transformer(by_hand, layers=4, width=256, heads=4, hidden=1024):
    def layer():
        if by_hand:
            return HandWrittenLayer(width, heads, hidden)
        return nn.TransformerEncoderLayer(width, heads, hidden, 0.0, 'gelu', batch_first=True, norm_first=True)

    return PoolAndClassify([layer() for _ in range(layers)], width)


# Steps: a step's factory takes the settings of one variant and returns a function that does one training step.


def optimisers(kind):
    """Settings of every implementation that this PyTorch has of the optimiser."""
    cls = {'sgd': torch.optim.SGD, 'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW}[kind]
    base = {'lr': 0.01, 'momentum': 0.9} if kind == 'sgd' else {'lr': 1e-3}
    for name, how in (('loop', {'foreach': False}), ('foreach', {'foreach': True}), ('fused', {'fused': True})):
        try:
            cls([torch.zeros(1, requires_grad=True)], **base, **how)
        except (TypeError, RuntimeError, ValueError):
            continue  # this PyTorch does not have it
        yield name, lambda parameters, how=how: cls(parameters, **base, **how)


def training_step(model, make_optimiser, inputs, penalty=None, statistics=True):
    """
    Cross-entropy, and with `penalty` lambda/2 sum F (theta - theta*)^2 with two tensors a parameter. Without
    `statistics` batch normalisation stays as at inference.
    """
    model.train(statistics)
    parameters = list(model.parameters())
    optimiser = make_optimiser(parameters)
    labels = [torch.randint(CLASSES, (x.shape[0],)) for x in inputs]
    anchors = [p.detach() + 0.01 * torch.randn_like(p) for p in parameters]
    fishers = [1e-4 * torch.rand_like(p) for p in parameters]
    position = 0

    def step():
        nonlocal position
        x, y = inputs[position], labels[position]
        position = (position + 1) % len(inputs)
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        if penalty == 'autograd':
            terms = [(f * (p - a).square()).sum() for f, p, a in zip(fishers, parameters, anchors)]
            loss = loss + EWC_LAMBDA / 2 * sum(terms)
        loss.backward()
        if penalty == 'closed-form':
            with torch.no_grad():
                for f, p, a in zip(fishers, parameters, anchors):
                    difference = p - a
                    pull = f * difference
                    loss = loss.detach() + EWC_LAMBDA / 2 * torch.dot(pull.flatten(), difference.flatten())
                    p.grad.add_(pull, alpha=EWC_LAMBDA)
        optimiser.step()
        return loss

    return step


def of_mlp(widths, batch, kind, ewc):
    def variants(penalty):
        for name, make in optimisers(kind):
            inputs = [torch.rand(batch, widths[0]) for _ in range(32)]
            yield name, training_step(mlp(*widths), make, inputs, penalty if ewc else None)

    multiply_adds = [a * b for a, b in zip(widths, widths[1:])]
    # Forward and both gradients of every layer, but the input needs no gradient.
    return variants, 2 * batch * (3 * sum(multiply_adds) - multiply_adds[0])


def of_cnn(channels, batch=64):
    def variants(_penalty):
        for layout in (torch.contiguous_format, torch.channels_last):
            for name, make in optimisers('sgd'):
                inputs = [torch.rand(batch, 3, 32, 32).to(memory_format=layout) for _ in range(8)]
                model = cnn(channels).to(memory_format=layout)
                yield f'{str(layout)[6:]} {name}', training_step(model, make, inputs)

    sides = (32, 32, 16, 16, 8)
    layers = [side**2 * 9 * i * o for side, i, o in zip(sides, (3, *channels), channels)]
    return variants, 2 * batch * (3 * sum(layers) - layers[0] + 3 * channels[-1] * CLASSES)


def of_transformer(batch=16, tokens=64, width=256, layers=4):
    def variants(_penalty):
        for by_hand in (False, True):
            for name, make in optimisers('adam'):
                inputs = [torch.randn(batch, tokens, width) for _ in range(8)]
                how = 'by hand' if by_hand else 'nn.TransformerEncoderLayer'
                yield f'{how} {name}', training_step(transformer(by_hand, layers, width), make, inputs)

    projections = tokens * 12 * width * width
    attention = 2 * tokens * tokens * width
    return variants, 2 * 3 * batch * (layers * (projections + attention) + width * CLASSES)


def fisher_step(widths, form):
    """The exact diagonal Fisher of one sample: one backward pass a class, weighted by the class's probability."""
    model = mlp(*widths).eval()
    parameters = list(model.parameters())
    fisher = [torch.zeros_like(p) for p in parameters]
    samples = torch.rand(256, 1, widths[0])
    position = 0

    def step():
        nonlocal position
        position = (position + 1) % len(samples)
        log_probabilities = F.log_softmax(model(samples[position]), 1)[0]
        weights = log_probabilities.detach().exp()
        for label, weight in enumerate(weights.tolist()):
            more = label + 1 < len(weights)
            if form == 'usual':
                model.zero_grad()
                log_probabilities[label].backward(retain_graph=more)
                for f, p in zip(fisher, parameters):
                    f += weight * p.grad**2
            else:
                gradients = torch.autograd.grad(log_probabilities[label], parameters, retain_graph=more)
                for f, g in zip(fisher, gradients):
                    f.addcmul_(g, g, value=weight)

    return step


def of_fisher(widths, form):
    def variants(_penalty):
        yield form, fisher_step(widths, form)

    multiply_adds = [a * b for a, b in zip(widths, widths[1:])]
    return variants, 2 * (sum(multiply_adds) + CLASSES * (2 * sum(multiply_adds) - multiply_adds[0]))


def of_product(m, k, n):
    def variants(_penalty):
        a, b, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        yield 'torch.mm', lambda: torch.mm(a, b, out=out)

    return variants, 2 * m * k * n


SMALL, LARGE = (784, 100, 100, CLASSES), (784, 400, 400, CLASSES)

STEPS = {
    'article': of_mlp((784, CLASSES), 64, 'sgd', True),
    'mlp-100': of_mlp(SMALL, 64, 'sgd', True),
    'mlp-400': of_mlp(LARGE, 128, 'adam', False),
    'mlp-400-ewc': of_mlp(LARGE, 128, 'adam', True),
    'mlp-400-sgd': of_mlp(LARGE, 128, 'sgd', False),
    'mlp-400-sgd-ewc': of_mlp(LARGE, 128, 'sgd', True),
    'transformer': of_transformer(),
    'cnn': of_cnn((32, 64, 64, 128, 128)),
    'cnn-small': of_cnn((32, 32, 64, 64, 128)),
    'fisher': of_fisher(LARGE, 'usual'),
    'fisher-tuned': of_fisher(LARGE, 'tuned'),
    'roof-2048': of_product(2048, 2048, 2048),
    'roof-mlp': of_product(128, 784, 400),
}


# Timing


def seconds_of(step, steps):
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - start


def peak_memory(steps, name, penalty=None):
    """The high-water mark of this process after five steps of one variant."""
    _, step = next(iter(steps[name][0](penalty)))
    seconds_of(step, 5)
    with open('/proc/self/status') as status:
        peak = next(line for line in status if line.startswith('VmHWM'))
    return {'name': name, 'peakMiB': int(peak.split()[1]) / 1024}


class Yardstick:
    """Runs steps by name; `steps` maps each to its variants and its flops."""

    def __init__(self, steps, penalty=None):
        self.steps = steps
        self.penalty = penalty
        self.chosen = {}

    def fastest(self, name):
        """The fastest variant of the step, warm; found at the first call."""
        if name not in self.chosen:
            torch.manual_seed(0)
            candidates = dict(self.steps[name][0](self.penalty))
            for step in candidates.values():
                seconds_of(step, 3)
            if len(candidates) > 1:
                once = min(seconds_of(step, 1) for step in candidates.values())
                steps = max(1, min(100, round(0.1 / once)))
                rounds = [{v: seconds_of(step, steps) for v, step in candidates.items()} for _ in range(5)]
                best = min(candidates, key=lambda v: statistics.median(r[v] for r in rounds))
            else:
                best = next(iter(candidates))
            self.chosen[name] = (best, candidates[best])
        return self.chosen[name]

    def run(self, name, steps):
        variant, step = self.fastest(name)
        began = time.process_time()
        seconds = seconds_of(step, steps)
        processor = time.process_time() - began
        return {'name': name, 'steps': steps, 'seconds': seconds, 'processor': processor, 'variant': variant}

    def table_row(self, name, repeats, seconds):
        _, step = self.fastest(name)
        steps = max(1, round(seconds / repeats / max(seconds_of(step, 2) / 2, 1e-6)))
        times = [self.run(name, steps) for _ in range(repeats)]
        ms = [1000 * t['seconds'] / steps for t in times]
        median = statistics.median(ms)
        return {
            'name': name,
            'msPerStep': round(median, 5),
            'fastest': round(min(ms), 5),
            'slowest': round(max(ms), 5),
            'steps': steps,
            'repeats': repeats,
            'gflops': round(self.steps[name][1] / median / 1e6, 2),
            'variant': times[0]['variant'],
            'torch': torch.__version__,
        }


def pinned_threads():
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    # Overfitted random labels drive gradients towards zero: without this, denormal numbers would slow PyTorch down.
    torch.set_flush_denormal(True)


def say(value):
    print(json.dumps(value), flush=True)


def serve(yardstick):
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        if words == ['quit']:
            return
        if words == ['list']:
            say({'names': list(yardstick.steps), 'productFlops': {name: flops for name, (_, flops) in yardstick.steps.items()}})
        elif len(words) == 3 and words[0] == 'run' and words[1] in yardstick.steps and words[2].isdigit() and int(words[2]) > 0:
            say(yardstick.run(words[1], int(words[2])))
        else:
            names = ', '.join(yardstick.steps)
            say({'error': f'expected "run NAME STEPS" (names: {names}), or "list", or "quit"; found "{line.strip()}"'})


def main():
    parser = argparse.ArgumentParser(description='PyTorch training steps; see README.md beside this file.')
    parser.add_argument('--all', action='store_true', help='print a JSON line for every step and end')
    parser.add_argument('--only', nargs='+', choices=list(STEPS), metavar='NAME', help='with --all: these steps')
    parser.add_argument('--memory', metavar='NAME', choices=list(STEPS), help='print the peak memory of a step and end')
    parser.add_argument('--repeats', type=int, default=7, help='with --all: measurements a step, of which the median counts')
    parser.add_argument('--seconds', type=float, default=3.0, help='with --all: time for all repeats of a step')
    parser.add_argument(
        '--penalty', choices=['autograd', 'closed-form'], default='autograd',
        help="EWC's penalty in the loss, as it is usually written, or its gradient added by hand after the backward pass",
    )
    arguments = parser.parse_args()
    pinned_threads()
    yardstick = Yardstick(STEPS, arguments.penalty)
    if arguments.memory:
        torch.manual_seed(0)
        say(peak_memory(STEPS, arguments.memory, arguments.penalty))
    elif arguments.all:
        for name in arguments.only or STEPS:
            say(yardstick.table_row(name, arguments.repeats, arguments.seconds))
    else:
        serve(yardstick)


if __name__ == '__main__':
    main()
