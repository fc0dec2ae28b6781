# Trains a small residual network with PyTorch on eight classes of CIFAR-10 and exports it twice: with its batch norms, and with
# these folded into the convolutions.
#   python3 bench/reference/cifar-resnet.py ARRAYS OUT --new cat,ship [--epochs 8] [--per-class 4500] [--seed 1] [--threads 1]
# ARRAYS is a folder that `node scripts/run.mjs bench/cifar-arrays.ts ARRAYS` wrote. Of each class but the new ones the first
# --per-class training images are trained on. OUT gets norms/model.onnx and folded/model.onnx, each with labels.json beside it, and
# model.pt. Inputs are pixels divided by 255.
import argparse
import json
import os
import time

import numpy as np
import torch
from torch import nn

CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'.split()


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        inner = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(inner + self.shortcut(x))


class ResNet(nn.Module):
    """One block each of 32, 64 and 128 channels: 308,392 parameters with eight classes."""

    def __init__(self, classes, width=32):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.stage1 = Block(width, width, 1)
        self.stage2 = Block(width, 2 * width, 2)
        self.stage3 = Block(2 * width, 4 * width, 2)
        self.fc = nn.Linear(4 * width, classes)

    def features(self, x):
        x = self.stage3(self.stage2(self.stage1(torch.relu(self.norm(self.conv(x))))))
        return x.mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


def augmented(images, generator):
    """Flipped half of the time, and shifted by up to four pixels over zeros."""
    count = len(images)
    flip = torch.rand(count, generator=generator) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    out = torch.empty_like(images)
    tops = torch.randint(0, 9, (count,), generator=generator).tolist()
    lefts = torch.randint(0, 9, (count,), generator=generator).tolist()
    for at in range(count):
        out[at] = padded[at, :, tops[at] : tops[at] + 32, lefts[at] : lefts[at] + 32]
    return out


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part.float() / 255).argmax(1) for part in x.split(500)])
    return (found == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('arrays')
    parser.add_argument('out')
    parser.add_argument('--new', required=True)
    parser.add_argument('--epochs', type=int, default=8)
    parser.add_argument('--per-class', type=int, default=4500)
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--rate', type=float, default=0.2)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    generator = torch.Generator().manual_seed(args.seed)
    old = [name for name in CLASSES if name not in args.new.split(',')]
    units = torch.full((len(CLASSES),), -1, dtype=torch.long)
    for unit, name in enumerate(old):
        units[CLASSES.index(name)] = unit

    def split(name, most):
        x = torch.from_numpy(np.load(f'{args.arrays}/{name}-images.npy'))
        y = units[torch.from_numpy(np.load(f'{args.arrays}/{name}-labels.npy')).long()]
        rows = torch.cat([torch.nonzero(y == unit)[:most, 0] for unit in range(len(old))])
        return x[rows], y[rows]

    x, y = split('train', args.per_class)
    test_x, test_y = split('test', None)
    model = ResNet(len(old))
    optimiser = torch.optim.SGD(model.parameters(), args.rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    batches = len(y) // args.batch
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, args.rate, args.epochs * batches, pct_start=0.25
    )
    began = time.process_time()
    for epoch in range(args.epochs):
        model.train()
        order = torch.randperm(len(y), generator=generator)
        for rows in order[: batches * args.batch].split(args.batch):
            loss = nn.functional.cross_entropy(model(augmented(x[rows].float() / 255, generator)), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
        seconds = time.process_time() - began
        print(f'epoch {epoch + 1}: {100 * accuracy(model, test_x, test_y):.1f} % in {seconds:.0f} s', flush=True)
    model.eval()
    os.makedirs(args.out, exist_ok=True)
    torch.save({'old': old, 'new': args.new.split(','), 'weights': model.state_dict()}, f'{args.out}/model.pt')
    for form, training in (('folded', torch.onnx.TrainingMode.EVAL), ('norms', torch.onnx.TrainingMode.PRESERVE)):
        folder = f'{args.out}/{form}'
        os.makedirs(folder, exist_ok=True)
        torch.onnx.export(
            model,
            x[:2].float() / 255,
            f'{folder}/model.onnx',
            input_names=['image'],
            output_names=['logits'],
            dynamic_axes={'image': {0: 'batch'}, 'logits': {0: 'batch'}},
            opset_version=17,
            training=training,
            do_constant_folding=form == 'folded',
        )
        with open(f'{folder}/labels.json', 'w') as file:
            json.dump(old, file)


if __name__ == '__main__':
    main()
