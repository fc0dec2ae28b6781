# Adds two new classes of CIFAR-10 to a network that cifar-resnet.py trained on the other eight, by recipes of
# the literature in PyTorch, all with the same memory: what updates by Holdfast are set beside
# (docs/recipes.md).
#   python3 bench/reference/cifar-recipes.py ARRAYS OUT --memory 1000 [--new-rows 500] [--seed 1]
#     [--recipes replay,replay-distil-bic,der++,icarl,head] [--judge test|validation] [--passes N] [--rate R]
#     [--threads 1]
# ARRAYS and OUT as in cifar-resnet.py. Of the 5,000 training images a class the network saw the first 4,500
# of each old class; exemplars are drawn from these, and the other 500 are what a border is proved on. New
# classes have the first --new-rows to train on. --judge validation is for choosing passes and rates: it
# judges on training images 4,600 to 5,000 of each old class and 4,500 to 4,600 of each new one. Test images
# judge; they choose nothing but the oracle's border.
# Prints a JSON line a recipe, then a table.
import argparse
import importlib
import itertools
import json
import math
import time

import numpy as np
import torch
from borders import Border, oracle, proved
from torch import nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    log_softmax,
    normalize,
    one_hot,
    softmax,
)

resnet = importlib.import_module('cifar-resnet')
SEEN = 4500
BUDGETS = (0.02, 0.05)
# Passes over the new rows, and the peak of the rate.
SETTINGS = {
    'replay': (8, 0.02),
    'replay-distil-bic': (8, 0.06),
    'der++': (5, 0.03),
    'icarl': (6, 0.03),
    'head': (40, 0.05),
}


def pixels(images):
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


def outputs(function, images):
    with torch.no_grad():
        return torch.cat([function(pixels(part)) for part in images.split(500)])


class Rows:
    """Images and units of chosen classes: from the `start`th to the `stop`th of each, classes in order."""

    def __init__(self, arrays, split, names, units, start=0, stop=None):
        labels = np.load(f'{arrays}/{split}-labels.npy')
        chosen = [np.flatnonzero(labels == resnet.CLASSES.index(name))[start:stop] for name in names]
        images = np.load(f'{arrays}/{split}-images.npy', mmap_mode='r')
        self.x = torch.from_numpy(images[np.concatenate(chosen)])
        self.y = torch.tensor([units[name] for name, rows in zip(names, chosen) for _ in rows])

    def of(self, unit):
        return self.x[self.y == unit]


class Update:
    """What a recipe starts from: the old network, the same with more outputs, new rows, old exemplars."""

    def __init__(self, old_model, model, fresh, past, memory, seed):
        self.old_model, self.model, self.fresh, self.past = old_model, model, fresh, past
        self.old_count, self.count = old_model.fc.out_features, model.fc.out_features
        self.memory, self.each = memory, memory // self.old_count
        self.generator = torch.Generator().manual_seed(seed)

    def drawn(self):
        """Exemplars drawn at random, equally many of each class."""
        rows = [torch.randperm(SEEN, generator=self.generator)[: self.each] for _ in range(self.old_count)]
        x = torch.cat([self.past.of(unit)[chosen] for unit, chosen in enumerate(rows)])
        return x, torch.arange(self.old_count).repeat_interleave(self.each)

    def views(self, images):
        augmented = resnet.augmented(images.float() / 255, self.generator)
        return augmented.contiguous(memory_format=torch.channels_last)

    def random(self, count, most):
        return torch.randint(most, (count,), generator=self.generator)

    def passes(self, count, batch):
        """Rows in batches, shuffled anew each pass, without end. Rows that fill no batch are left out."""
        while True:
            yield from torch.randperm(count, generator=self.generator)[: count // batch * batch].split(batch)


def descend(parameters, losses, steps, rate):
    optimiser = torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    for loss in itertools.islice(losses, steps):
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()


def replay(update, passes, rate):
    """Experience replay (Chaudhry et al. 2019, arXiv 1902.10486): half of a batch new, half from memory."""
    model, (x, y), fresh = update.model, update.drawn(), update.fresh

    def losses():
        for rows in update.passes(len(fresh.y), 64):
            old = update.random(64, len(y))
            logits = model(update.views(torch.cat([fresh.x[rows], x[old]])))
            yield cross_entropy(logits, torch.cat([fresh.y[rows], y[old]]))

    model.train()
    descend(model.parameters(), losses(), passes * (len(fresh.y) // 64), rate)
    return model.eval()


def replay_distil_bic(update, passes, rate):
    """BiC (Wu et al. 2019, CVPR, arXiv 1905.13260).

    Stage 1 over new rows and exemplars together: s L_d + (1 - s) L_c with s = n / (n + m), n old and m new
    classes; L_d the cross-entropy to the old network's outputs, both at temperature 2. Stage 2: logits of new
    classes become a * logit + b, both numbers by cross-entropy on rows that stage 1 left out: a tenth of the
    exemplars, and as many of each new class.
    """
    model, n, temperature = update.model, update.old_count, 2
    (x, y), fresh = update.drawn(), update.fresh
    apart = max(1, round(update.each / 10))
    x, y = torch.cat([x, fresh.x]), torch.cat([y, fresh.y])
    held = torch.cat([torch.nonzero(y == unit)[:apart, 0] for unit in range(update.count)])
    kept = torch.ones(len(y), dtype=torch.bool)
    kept[held] = False
    train_x, train_y = x[kept], y[kept]
    share = n / update.count

    def losses():
        for rows in update.passes(len(train_y), 128):
            views = update.views(train_x[rows])
            logits = model(views)
            with torch.no_grad():
                target = softmax(update.old_model(views) / temperature, 1)
            distilled = -(target * log_softmax(logits[:, :n] / temperature, 1)).sum(1).mean()
            yield share * distilled + (1 - share) * cross_entropy(logits, train_y[rows])

    model.train()
    descend(model.parameters(), losses(), passes * (len(train_y) // 128), rate)
    model.eval()
    logits = outputs(model, x[held])
    scale, shift = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, shift], max_iter=100, line_search_fn='strong_wolfe')

    def corrected(found):
        return torch.cat([found[:, :n], scale * found[:, n:] + shift], 1)

    def closure():
        optimiser.zero_grad()
        loss = cross_entropy(corrected(logits), y[held])
        loss.backward()
        return loss

    optimiser.step(closure)
    return lambda images: corrected(model(images)).detach()


def der(update, passes, rate, alpha=0.2, beta=0.5, old_passes=8):
    """DER++ (Buzzega et al. 2020, NeurIPS, arXiv 2004.07211).

    The loss is L_ce(new) + alpha |h(x') - z'|^2 + beta L_ce(x'', y'').

    x' and x'' are two draws from a reservoir that keeps the logits z' of the moment a row entered. It begins
    with old exemplars and the old network's eight logits; new rows enter with all ten, by reservoir sampling
    that counts each showing of a row, as the authors' program does: 4,500 rows a class were seen `old_passes`
    times before. alpha and beta are the authors' for CIFAR-10 with 500 in memory.
    """
    model, (x, y), fresh = update.model, update.drawn(), update.fresh
    seen = SEEN * update.old_count * old_passes
    kept = torch.full((len(y), update.count), math.nan)
    kept[:, : update.old_count] = outputs(update.old_model, x)

    def losses():
        nonlocal seen
        for rows in update.passes(len(fresh.y), 64):
            first, second = update.random(64, len(y)), update.random(64, len(y))
            logits = model(update.views(torch.cat([fresh.x[rows], x[first], x[second]])))
            mine, dark, labelled = logits.split(64)
            known = ~kept[first].isnan()
            matched = (dark - kept[first])[known].square().mean()
            repeated = cross_entropy(labelled, y[second])
            yield cross_entropy(mine, fresh.y[rows]) + alpha * matched + beta * repeated
            for place, row in enumerate(rows.tolist()):
                seen += 1
                at = int(update.random(1, seen))
                if at < len(y):
                    x[at], y[at], kept[at] = fresh.x[row], fresh.y[row], mine[place].detach()

    model.train()
    descend(model.parameters(), losses(), passes * (len(fresh.y) // 64), rate)
    return model.eval()


def herded(features, count):
    """Rows whose running mean follows the mean of all, in the order of choice (iCaRL, algorithm 4)."""
    features = normalize(features)
    mean, total, chosen = normalize(features.mean(0), dim=0), torch.zeros(features.shape[1]), []
    for step in range(1, count + 1):
        distance = (mean - normalize((total + features) / step)).square().sum(1)
        distance[chosen] = math.inf
        chosen.append(int(distance.argmin()))
        total = total + features[chosen[-1]]
    return torch.tensor(chosen)


def icarl(update, passes, rate, chosen):
    """iCaRL (Rebuffi et al. 2017, CVPR, arXiv 1611.07725).

    Exemplars by herding; sigmoid outputs: those of old classes learn the old network's sigmoids on all rows,
    those of new classes the labels. Afterwards all classes share the memory (old ones keep the first of their
    lists), and a row belongs to the class whose exemplars' mean feature is nearest, features and means of
    length 1. Scores are minus the squared distance.
    """
    model, n, fresh = update.model, update.old_count, update.fresh
    x = torch.cat([*chosen, fresh.x])
    labels = torch.cat([torch.arange(n).repeat_interleave(update.each), fresh.y])
    hot = one_hot(labels, update.count)[:, n:].float()

    def losses():
        for rows in update.passes(len(labels), 128):
            views = update.views(x[rows])
            with torch.no_grad():
                target = torch.cat([torch.sigmoid(update.old_model(views)), hot[rows]], 1)
            logits = model(views)
            yield binary_cross_entropy_with_logits(logits, target, reduction='sum') / len(rows)

    model.train()
    descend(model.parameters(), losses(), passes * (len(labels) // 128), rate)
    model.eval()
    share = update.memory // update.count
    exemplars = [old[:share] for old in chosen]
    for unit in range(n, update.count):
        mine = fresh.of(unit)
        order = herded(outputs(model.features, mine), min(share, len(mine)))
        exemplars.append(mine[order])
    means = [normalize(normalize(outputs(model.features, rows)).mean(0), dim=0) for rows in exemplars]
    means = torch.stack(means)
    return lambda images: 2 * normalize(model.features(images)) @ means.T - 2


def head(update, passes, rate):
    """The last layer alone, on features worked out once, without augmentation; batches as in replay."""
    model, (x, y), fresh = update.model.eval(), update.drawn(), update.fresh
    old_features, new_features = outputs(model.features, x), outputs(model.features, fresh.x)

    def losses():
        for rows in update.passes(len(fresh.y), 64):
            old = update.random(64, len(y))
            logits = model.fc(torch.cat([new_features[rows], old_features[old]]))
            yield cross_entropy(logits, torch.cat([fresh.y[rows], y[old]]))

    descend(model.fc.parameters(), losses(), passes * (len(fresh.y) // 64), rate)
    return model


RECIPES = {
    'replay': replay,
    'replay-distil-bic': replay_distil_bic,
    'der++': der,
    'icarl': icarl,
    'head': head,
}


def widened(weights, classes):
    """The old network with more outputs, whose weights start as PyTorch starts them."""
    model = resnet.ResNet(classes)
    wide = dict(weights)
    for part in ('fc.weight', 'fc.bias'):
        wide[part] = torch.cat([weights[part], model.state_dict()[part][len(weights[part]) :]])
    model.load_state_dict(wide)
    return model.to(memory_format=torch.channels_last)


def percent(value):
    return '–' if value is None else f'{100 * value:.1f}'


def table(lines):
    columns = ['recipe', 'memory', 'new at −2', 'new at −5', 'unshifted: drop, new']
    columns += ['proved 2: drop, new', 'proved 5: drop, new', 'CPU s']
    print(f'| {" | ".join(columns)} |\n|---|{"---:|" * (len(columns) - 1)}')
    for line in lines:
        cells = [line['recipe'], f'{line["memory"]:,}', *(percent(value) for value in line['oracle'])]
        for pair in (line['unshifted'], *line['proved']):
            cells.append('–' if pair is None else ', '.join(percent(value) for value in pair))
        print(f'| {" | ".join([*cells, str(round(line["seconds"]))])} |')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('arrays')
    parser.add_argument('out')
    parser.add_argument('--memory', type=int, required=True)
    parser.add_argument('--new-rows', type=int, default=500)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--recipes', default=','.join(RECIPES))
    parser.add_argument('--judge', choices=['test', 'validation'], default='test')
    parser.add_argument('--passes', type=int)
    parser.add_argument('--rate', type=float)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    stored = torch.load(f'{args.out}/model.pt')
    names = [*stored['old'], *stored['new']]
    units = {name: unit for unit, name in enumerate(names)}
    old_count = len(stored['old'])
    old_model = resnet.ResNet(old_count).to(memory_format=torch.channels_last).eval()
    old_model.load_state_dict(stored['weights'])

    def rows(split, which, start=0, stop=None):
        return Rows(args.arrays, split, stored[which], units, start, stop)

    past, fresh = rows('train', 'old', 0, SEEN), rows('train', 'new', 0, args.new_rows)
    held_old, held_new = rows('train', 'old', SEEN), rows('train', 'new', SEEN, SEEN + 100)
    if args.judge == 'test':
        judge_old, judge_new = rows('test', 'old'), rows('test', 'new')
    else:
        judge_old, judge_new = rows('train', 'old', SEEN + 100), held_new
    was_held = outputs(old_model, held_old.x).argmax(1) == held_old.y
    before = (outputs(old_model, judge_old.x).argmax(1) == judge_old.y).double().mean().item()

    def border(updated, judged):
        return Border(outputs(updated, judged.x), judged.y, old_count)

    lines = []
    for name in args.recipes.split(','):
        torch.manual_seed(args.seed)
        model = widened(stored['weights'], len(names))
        update = Update(old_model, model, fresh, past, args.memory, args.seed)
        passes, rate = args.passes or SETTINGS[name][0], args.rate or SETTINGS[name][1]
        more = {}
        if name == 'icarl':
            # Exemplars are chosen when the old network is there, before an update and outside its seconds.
            of_class = [past.of(unit) for unit in range(old_count)]
            more['chosen'] = [x[herded(outputs(old_model.features, x), update.each)] for x in of_class]
        began = time.process_time()
        updated = RECIPES[name](update, passes, rate, **more)
        seconds = time.process_time() - began
        old, new = border(updated, judge_old), border(updated, judge_new)
        line = {
            'recipe': name,
            'new': stored['new'],
            'memory': args.memory,
            'newRows': args.new_rows,
            'seed': args.seed,
            'passes': passes,
            'rate': rate,
            'judge': args.judge,
            'before': before,
            'oracle': [oracle(old, new, before, budget) for budget in BUDGETS],
            'unshifted': [before - old.accuracy(0), new.accuracy(0)],
            'proved': [None] * len(BUDGETS),
            'seconds': seconds,
        }
        if args.judge == 'test':
            began = time.process_time()
            sides = border(updated, held_old), border(updated, held_new)
            offsets = [proved(sides[0], was_held, sides[1], budget) for budget in BUDGETS]
            line['proofSeconds'] = time.process_time() - began
            line['proved'] = [
                None if offset is None else [before - old.accuracy(offset), new.accuracy(offset)]
                for offset in offsets
            ]
        lines.append(line)
        print(json.dumps(line), flush=True)
    table(lines)


if __name__ == '__main__':
    main()
