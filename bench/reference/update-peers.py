#!/usr/bin/env python3
"""A BERT and a ViT of bench/models.ts's sizes that learn new classes: trained and exported here, and fully fine-tuned as a peer of `update`.

    python3 bench/reference/update-peers.py prepare bert-mini CLINC150 OUT [--epochs 6]
    python3 bench/reference/update-peers.py prepare vit ARRAYS OUT [--epochs 5]
    python3 bench/reference/update-peers.py tune OUT [--epochs 8] [--rate 1e-4]

`prepare` trains the old classes and writes model.onnx, labels.json, model.pt and rows as .npy: old-train, exemplars (1,000), old-held,
old-test, new-train (500), new-held, new-test. CLINC150: 75 intents are old, 15 are new, words are hashed to 30,522 numbers. ARRAYS is
what bench/cifar-arrays.ts wrote: cat and ship are new, pixels are doubled to 64 x 64.
`tune` trains all weights on new rows and exemplars, half of each batch each, and says after each pass what test rows say, and CPU seconds.
"""

import argparse
import json
import os
import re
import time
import zlib

import models
import numpy as np
import torch
from torch import nn

PARTS = ('old-train', 'exemplars', 'old-held', 'old-test', 'new-train', 'new-held', 'new-test')
FIRST = ('banking', 'travel', 'work', 'kitchen_and_dining', 'utility')
ADDED = ('meta',)


def texts(folder):
    """Rows and labels by split, old intents first."""
    domains = json.load(open(f'{folder}/domains.json'))
    names = [intent for domain in FIRST + ADDED for intent in sorted(domains[domain])]

    def row(text):
        words = re.findall(r'[^\W_]+|[^\w\s]|_', text.lower())
        ids = [1] + [3 + zlib.crc32(word.encode()) % 30519 for word in words][:62] + [2]
        return ids + [0] * (64 - len(ids))

    def split(name):
        rows = [json.loads(line) for line in open(f'{folder}/{name}.jsonl')]
        rows = [each for each in rows if each['label'] in names]
        ids = np.array([row(each['text']) for each in rows], np.int64)
        return ids, np.array([names.index(each['label']) for each in rows], np.int32)

    return names, len(names) - len([i for d in ADDED for i in domains[d]]), {name: split(name) for name in ('train', 'val', 'test')}


def pictures(folder):
    classes = 'airplane automobile bird cat deer dog frog horse ship truck'.split()
    names = [name for name in classes if name not in ('cat', 'ship')] + ['cat', 'ship']

    def split(name, begin, end):
        x, y = np.load(f'{folder}/{name}-images.npy'), np.load(f'{folder}/{name}-labels.npy')
        y = np.array([names.index(classes[label]) for label in y], np.int32)
        rows = np.concatenate([np.flatnonzero(y == unit)[begin:end] for unit in range(len(names))])
        return np.repeat(np.repeat(x[rows], 2, 2), 2, 3), y[rows]

    return names, 8, {'train': split('train', 0, 1200), 'val': split('train', 4500, 5000), 'test': split('test', 0, 1000)}


def parts_of(old, splits, seed):
    """The rows of each part, [x, y]."""
    rng = np.random.default_rng(seed)
    of = lambda name, keep: tuple(array[keep(splits[name][1])] for array in splits[name])
    known, fresh = (lambda y: y < old), (lambda y: y >= old)
    train, added = of('train', known), of('train', fresh)

    def evenly(rows, most):
        order = rng.permutation(len(rows[1]))
        taken = {}
        ranks = np.empty(len(order), int)
        for at in order:
            ranks[at] = taken.get(rows[1][at], 0)
            taken[rows[1][at]] = ranks[at] + 1
        chosen = np.sort(order[np.argsort(ranks[order], kind='stable')][:most])
        return rows[0][chosen], rows[1][chosen]

    return {
        'old-train': train, 'exemplars': evenly(train, 1000), 'old-held': of('val', known), 'old-test': of('test', known),
        'new-train': evenly(added, 500), 'new-held': of('val', fresh), 'new-test': of('test', fresh),
    }


def network(name, classes):
    models.CLASSES = classes
    return models.Bert() if name == 'bert-mini' else models.vit()


def ready(x):
    return x if x.dtype == torch.long else x.float() / 255


def logits(model, x):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(ready(part)) for part in x.split(250)])


def right(model, x, y):
    return (logits(model, x).argmax(1) == y).float().mean().item()


def train(model, draw, steps, rate, told):
    """AdamW with a rate that rises for a tenth of the steps and then falls; `draw` gives a batch."""
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps + 1, pct_start=0.1)
    for step in range(steps):
        model.train()
        x, y = draw(step)
        loss = nn.functional.cross_entropy(model(ready(x)), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
        told(step + 1)


def prepare(args):
    names, old, splits = (texts if args.model == 'bert-mini' else pictures)(args.data)
    parts = parts_of(old, splits, args.seed)
    os.makedirs(args.out, exist_ok=True)
    for part in PARTS[1:]:
        np.save(f'{args.out}/{part}.x.npy', parts[part][0])
        np.save(f'{args.out}/{part}.y.npy', parts[part][1])
    x, y = (torch.from_numpy(array) for array in parts['old-train'])
    test = [torch.from_numpy(array) for array in parts['old-test']]
    model = network(args.model, old)
    batches = len(y) // 32
    began = time.process_time()
    order = torch.randperm(len(y))

    def draw(step):
        nonlocal order
        if step % batches == 0:
            order = torch.randperm(len(y))
        rows = order[32 * (step % batches) :][:32]
        return x[rows], y[rows].long()

    def told(step):
        if step % batches == 0:
            share = 100 * right(model, *test)
            print(f'pass {step // batches}: {share:.1f} % of old test rows in {time.process_time() - began:.0f} CPU s', flush=True)

    train(model, draw, batches * args.epochs, args.rate, told)
    torch.save({'model': args.model, 'old': old, 'names': names, 'weights': model.state_dict()}, f'{args.out}/model.pt')
    json.dump(names[:old], open(f'{args.out}/labels.json', 'w'))
    json.dump(names, open(f'{args.out}/names.json', 'w'))
    model.eval()
    torch.onnx.export(
        model, ready(x[:2]), f'{args.out}/model.onnx', opset_version=17, input_names=['input'], output_names=['logits'],
        dynamic_axes={'input': {0: 'batch'}, 'logits': {0: 'batch'}},
    )


def widened(kept):
    model = network(kept['model'], len(kept['names']))
    weights = model.state_dict()
    for name, value in kept['weights'].items():
        if weights[name].shape == value.shape:
            weights[name] = value
        else:
            weights[name][: len(value)] = value
    model.load_state_dict(weights)
    return model


def best(model, old, x, y, fresh_x, fresh_y, kept):
    """New accuracy with the largest offset of new classes at which old accuracy is still as said."""
    known, added = logits(model, x), logits(model, fresh_x)
    low, high = -100.0, 100.0
    for _ in range(40):
        middle = (low + high) / 2
        shift = torch.zeros(known.shape[1])
        shift[old:] = middle
        inside = ((known + shift).argmax(1) == y).float().mean().item() >= kept
        low, high = (middle, high) if inside else (low, middle)
    shift = torch.zeros(known.shape[1])
    shift[old:] = low
    return ((added + shift).argmax(1) == fresh_y).float().mean().item()


def tune(args):
    kept = torch.load(f'{args.out}/model.pt')
    old = kept['old']
    load = lambda part: [torch.from_numpy(np.load(f'{args.out}/{part}.{what}.npy')).long() if what == 'y' else torch.from_numpy(np.load(f'{args.out}/{part}.x.npy')) for what in 'xy']
    x, y = load('new-train')
    old_x, old_y = load('exemplars')
    test, fresh = load('old-test'), load('new-test')
    before = network(kept['model'], old)
    before.load_state_dict(kept['weights'])
    base = right(before, *test)
    print(f'old model: {100 * base:.2f} % of old test rows', flush=True)
    model = widened(kept)
    batches = -(-len(y) // 16)
    spent = 0.0
    began = time.process_time()

    def draw(_step):
        rows, others = torch.randint(len(y), (16,)), torch.randint(len(old_y), (16,))
        return torch.cat([x[rows], old_x[others]]), torch.cat([y[rows], old_y[others]])

    def told(step):
        nonlocal spent, began
        if step % batches:
            return
        spent += time.process_time() - began
        figures = [best(model, old, *test, *fresh, base - budget) for budget in (0.02, 0.05)]
        print(f'pass {step // batches}: new at -2 and -5: {100 * figures[0]:.1f}, {100 * figures[1]:.1f}; {spent:.1f} CPU s', flush=True)
        began = time.process_time()

    train(model, draw, batches * args.epochs, args.rate, told)


def main():
    parser = argparse.ArgumentParser(description='Transformers that learn new classes.')
    verbs = parser.add_subparsers(dest='verb', required=True)
    first = verbs.add_parser('prepare')
    first.add_argument('model', choices=('bert-mini', 'vit'))
    first.add_argument('data')
    second = verbs.add_parser('tune')
    for verb, epochs, rate in ((first, 6, 3e-4), (second, 8, 1e-4)):
        verb.add_argument('out')
        verb.add_argument('--epochs', type=int, default=epochs)
        verb.add_argument('--rate', type=float, default=rate)
        verb.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    models.pinned_threads()
    torch.manual_seed(args.seed)
    (prepare if args.verb == 'prepare' else tune)(args)


if __name__ == '__main__':
    main()
