#!/usr/bin/env python3
"""Real architectures for bench/models.ts: exports them with random weights, and times PyTorch's training steps of them.

    python3 bench/reference/models.py --export FOLDER      NAME.onnx for every model, weights and labels random
    python3 bench/reference/models.py --memory NAME        one JSON line {"name", "peakMiB"}, after five steps
    python3 bench/reference/models.py                      driven through stdin and stdout, as steps.py

The models are those of README.md beside this file; steps are timed as steps.py does.
"""

import argparse
import os

from steps import Yardstick, peak_memory, pinned_threads, optimisers, say, serve, training_step

import torch
import torchvision
from torch import nn

CLASSES = 10


class Encoder(nn.Module):
    """What BERT is made of: attention and feed-forward after each other, each with a norm behind its sum."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)
        self.attention_norm, self.output_norm = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attend(self, x):
        batch, tokens, width = x.shape
        split = lambda y: y.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5
        return self.output((scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, tokens, width))

    def forward(self, x):
        x = self.attention_norm(x + self.attend(x))
        return self.output_norm(x + self.down(nn.functional.gelu(self.up(x))))


class Bert(nn.Module):
    """BERT-mini: 4 layers of width 256, 4 heads, a vocabulary of 30,522; classifies by its pooled first token."""

    def __init__(self, width=256, layers=4, heads=4, vocabulary=30522, tokens=64):
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(512, width)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.layers = nn.Sequential(*(Encoder(width, heads) for _ in range(layers)))
        self.pooler, self.classifier = nn.Linear(width, width), nn.Linear(width, CLASSES)
        self.register_buffer('positions', torch.arange(tokens))

    def forward(self, ids):
        x = self.layers(self.norm(self.words(ids) + self.places(self.positions)))
        return self.classifier(self.pooler(x[:, 0]).tanh())


class LstmClassifier(nn.Module):
    """Embedding 128, one LSTM of 128 units, the last state into a linear layer; a vocabulary of 5,000."""

    def __init__(self, width=128, vocabulary=5000):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.classifier = nn.Linear(width, CLASSES)

    def forward(self, ids):
        _, (state, _) = self.lstm(self.words(ids))
        return self.classifier(state[0])


def vit():
    """64 patches of 8 x 8 pixels and a class token, 6 layers of width 192."""
    return torchvision.models.VisionTransformer(
        image_size=64, patch_size=8, num_layers=6, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=CLASSES
    )


def images():
    return torch.rand(16, 3, 64, 64)


def tokens(vocabulary):
    return lambda: torch.randint(vocabulary, (16, 64))


# Name: how to make the model and a batch, the optimiser, and the forms of the data worth trying.
BOTH = (torch.contiguous_format, torch.channels_last)
ONE = (torch.contiguous_format,)
MODELS = {
    'resnet18': (lambda: torchvision.models.resnet18(num_classes=CLASSES), images, 'sgd', BOTH),
    'mobilenet-v2': (lambda: torchvision.models.mobilenet_v2(num_classes=CLASSES, dropout=0), images, 'sgd', BOTH),
    'vit': (vit, images, 'adamw', ONE),
    'bert-mini': (Bert, tokens(30522), 'adamw', ONE),
    'lstm': (LstmClassifier, tokens(5000), 'adamw', ONE),
}
# Batch normalisation by the batch's own statistics, where a model has it.
WITH_STATISTICS = ('resnet18', 'mobilenet-v2')


def variants_of(make, batch, kind, layouts, statistics):
    def variants(_penalty):
        for layout in layouts:
            for name, optimiser in optimisers(kind):
                inputs = [batch() for _ in range(8)]
                if inputs[0].dim() == 4:
                    inputs = [x.to(memory_format=layout) for x in inputs]
                model = make().to(memory_format=layout)
                yield f'{str(layout)[6:]} {name}', training_step(model, optimiser, inputs, statistics=statistics)

    return variants, 0


STEPS = {
    **{name: variants_of(*parts, statistics=False) for name, parts in MODELS.items()},
    **{f'{name}-statistics': variants_of(*MODELS[name], statistics=True) for name in WITH_STATISTICS},
}


def as_if_trained(model):
    """No two tensors the same: an exporter would merge fresh biases and norms into one initialiser."""
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.dtype == torch.float32:
                tensor.mul_(1 + 0.1 * torch.rand_like(tensor)).add_(0.01 * torch.randn_like(tensor))
    return model


def export(folder):
    for name, (make, batch, _, _) in MODELS.items():
        model = as_if_trained(make()).eval()
        # PRESERVE keeps batch normalisation apart from the convolutions.
        torch.onnx.export(
            model, batch(), os.path.join(folder, f'{name}.onnx'), opset_version=17, input_names=['input'], output_names=['logits'],
            training=torch.onnx.TrainingMode.PRESERVE, dynamic_axes={'input': {0: 'batch'}, 'logits': {0: 'batch'}},
        )


def main():
    parser = argparse.ArgumentParser(description='Real architectures: export, time, measure memory.')
    parser.add_argument('--export', metavar='FOLDER', help='write NAME.onnx for every model and end')
    parser.add_argument('--memory', metavar='NAME', choices=list(STEPS), help='print the peak memory of a step and end')
    arguments = parser.parse_args()
    pinned_threads()
    torch.manual_seed(0)
    if arguments.export:
        export(arguments.export)
    elif arguments.memory:
        say(peak_memory(STEPS, arguments.memory))
    else:
        serve(Yardstick(STEPS))


if __name__ == '__main__':
    main()
