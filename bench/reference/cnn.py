# Trains a small convolutional network with PyTorch on some classes of an image folder, and exports it for inference.
#   /usr/bin/python3 bench/reference/cnn.py FOLDER OUT.onnx --classes airplane,automobile,... [--keep 400] [--epochs 30]
# FOLDER holds one folder of JPEG files a class; the first --keep files of each are trained on.
import argparse
import json
import os

import numpy as np
import torch
from PIL import Image
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument('folder')
parser.add_argument('out')
parser.add_argument('--classes', required=True)
parser.add_argument('--keep', type=int, default=400)
parser.add_argument('--epochs', type=int, default=30)
parser.add_argument('--seed', type=int, default=1)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
names = args.classes.split(',')

images, labels = [], []
for label, name in enumerate(names):
    for file in sorted(os.listdir(f'{args.folder}/{name}'))[: args.keep]:
        images.append(np.asarray(Image.open(f'{args.folder}/{name}/{file}').convert('RGB')))
        labels.append(label)
x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
y = torch.tensor(labels)


def block(inputs, outputs, stride=1):
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


model = nn.Sequential(
    block(3, 32),
    block(32, 32, 2),
    block(32, 64),
    block(64, 64, 2),
    block(64, 128, 2),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(128, len(names)),
)
optimiser = torch.optim.Adam(model.parameters(), 1e-3)
steps = args.epochs * (len(y) // 64)
rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
for epoch in range(args.epochs):
    order = torch.randperm(len(y))
    for rows in order[: len(y) // 64 * 64].split(64):
        batch = x[rows]
        flipped = torch.rand(len(rows)) < 0.5
        batch[flipped] = batch[flipped].flip(3)
        loss = nn.functional.cross_entropy(model(batch), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
model.eval()
torch.onnx.export(
    model,
    x[:1],
    args.out,
    input_names=['image'],
    output_names=['logits'],
    dynamic_axes={'image': {0: 'batch'}, 'logits': {0: 'batch'}},
    opset_version=17,
)
with open(os.path.join(os.path.dirname(os.path.abspath(args.out)), 'labels.json'), 'w') as file:
    json.dump(names, file)
print(f'{len(y)} images, last loss {loss.item():.3f}')
