"""Domain-incremental EWC, or A-GEM, on Split MNIST, written apart from Holdfast and from the reference implementation.

    /usr/bin/python3 bench/reference/ewc-domain.py FOLDER_WITH_MNIST --seeds 0 1 2 3 4 5 [--dealt | --order 0 2 4 3 1 8 9 5 6 7] [--method a-gem]

Five tasks of two digits, one output of two units, 784-400-400-2, Adam 0.001, 2000 iterations a task of 128 rows, lambda 1e10, the exact
Fisher over all rows of a task, one penalty a task; A-GEM with 100 rows a class and a reference batch of 128. Digits are in order (0 and
1, 2 and 3, ...), in another one with --order, or dealt by the seed with --dealt.
One thread. Prints one JSON line a seed.
"""
import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

LAMBDA, ITERATIONS, BATCH, PER_CLASS = 1e10, 2000, 128, 100


def idx(folder, name):
    raw = next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())
    data = (gzip.open if raw.suffix == ".gz" else open)(raw, "rb").read()
    sizes = [int.from_bytes(data[4 + 4 * at : 8 + 4 * at], "big") for at in range(data[3])]
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes).copy())


def digits(folder, kind):
    images = idx(folder, f"{kind}-images-idx3-ubyte").reshape(-1, 784).float() / 255
    return images, idx(folder, f"{kind}-labels-idx1-ubyte").long()


def forward(weights, x):
    """The inputs of the three layers, and the logits."""
    w1, b1, w2, b2, w3, b3 = weights
    h1 = torch.relu(x @ w1.T + b1)
    h2 = torch.relu(h1 @ w2.T + b2)
    return (x, h1, h2), h2 @ w3.T + b3


@torch.no_grad()
def fisher(weights, x):
    """The mean over rows of the expected square of the score, in closed form: a layer's is the product of two squares."""
    _, _, w2, _, w3, _ = weights
    sums = [torch.zeros_like(weight) for weight in weights]
    for rows in x.split(1000):
        inputs, logits = forward(weights, rows)
        shares = torch.softmax(logits, 1)
        for label in range(logits.shape[1]):
            top = shares.clone()
            top[:, label] -= 1
            middle = (top @ w3) * (inputs[2] > 0)
            low = (middle @ w2) * (inputs[1] > 0)
            for at, (delta, given) in enumerate(zip((low, middle, top), inputs)):
                squares = shares[:, label, None] * delta**2
                sums[2 * at] += squares.T @ given**2
                sums[2 * at + 1] += squares.sum(0)
    return [total / len(x) for total in sums]


def accuracy(weights, x, y):
    with torch.no_grad():
        return (forward(weights, x)[1].argmax(1) == y).float().mean().item()


class Ewc:
    def __init__(self):
        self.remembered = []

    def changed(self, weights, found):
        for importance, anchor in self.remembered:
            for grad, weight, each, before in zip(found, weights, importance, anchor):
                grad += LAMBDA * each * (weight.detach() - before)
        return found

    def consolidate(self, weights, x, y):
        self.remembered.append((fisher(weights, x), [weight.detach().clone() for weight in weights]))


class Agem:
    def __init__(self):
        self.x, self.y = torch.empty(0, 784), torch.empty(0, dtype=torch.long)

    def changed(self, weights, found):
        if len(self.x) == 0:
            return found
        rows = torch.randperm(len(self.x))[:BATCH]
        loss = functional.cross_entropy(forward(weights, self.x[rows])[1], self.y[rows])
        reference = torch.autograd.grad(loss, weights)
        dot = sum((a * b).sum() for a, b in zip(found, reference))
        if dot >= 0:
            return found
        size = sum((b * b).sum() for b in reference)
        return [a - dot / size * b for a, b in zip(found, reference)]

    def consolidate(self, weights, x, y):
        for label in (0, 1):
            own = (y == label).nonzero().flatten()
            rows = own[torch.randperm(len(own))[:PER_CLASS]]
            self.x, self.y = torch.cat([self.x, x[rows]]), torch.cat([self.y, y[rows]])


METHODS = {"ewc": Ewc, "a-gem": Agem}


def run(train, test, seed, order, method):
    torch.manual_seed(seed)
    order = torch.randperm(10) if order is None else torch.tensor(order)
    place = torch.empty(10, dtype=torch.long)
    place[order] = torch.arange(10)

    def tasks(data):
        x, y = data
        at = place[y]
        return [(x[at // 2 == task], at[at // 2 == task] % 2) for task in range(5)]

    layers = [torch.nn.Linear(784, 400), torch.nn.Linear(400, 400), torch.nn.Linear(400, 2)]
    weights = [tensor for layer in layers for tensor in (layer.weight, layer.bias)]
    optimiser = torch.optim.Adam(weights, lr=0.001)
    for x, y in tasks(train):
        rows = torch.empty(0, dtype=torch.long)
        for _ in range(ITERATIONS):
            if len(rows) < BATCH:
                rows = torch.randperm(len(x))
            batch, rows = rows[:BATCH], rows[BATCH:]
            loss = functional.cross_entropy(forward(weights, x[batch])[1], y[batch])
            found = method.changed(weights, list(torch.autograd.grad(loss, weights)))
            for weight, grad in zip(weights, found):
                weight.grad = grad
            optimiser.step()
        method.consolidate(weights, x, y)
    return [accuracy(weights, x, y) for x, y in tasks(test)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dealt", action="store_true")
    parser.add_argument("--order", type=int, nargs=10, default=list(range(10)))
    parser.add_argument("--method", choices=METHODS, default="ewc")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train, test = digits(given.folder, "train"), digits(given.folder, "t10k")
    for seed in given.seeds:
        begun = time.process_time()
        by_task = run(train, test, seed, None if given.dealt else given.order, METHODS[given.method]())
        line = {"method": given.method, "seed": seed, "dealt": given.dealt, "accuracy": round(sum(by_task) / 5, 4)}
        print(json.dumps({**line, "by_task": [round(each, 4) for each in by_task], "cpu_s": round(time.process_time() - begun)}), flush=True)


main()
