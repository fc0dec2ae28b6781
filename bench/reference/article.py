#!/usr/bin/env python3
"""The article's program, its code unchanged, and how far its Fisher is from the definition.

    python3 bench/reference/article.py printed      the program as printed: all of MNIST, an untrained model, lambda 1000
    python3 bench/reference/article.py fisher       its Fisher against the definition, one departure at a time
    python3 bench/reference/article.py tasks        digits 0-4, then 5-9: both Fishers at several lambdas

HOLDFAST_DATA is the folder with mnist/train-images-idx3-ubyte.gz and the other three. One JSON line a result.
"""

import argparse
import gzip
import json
import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

torch.set_num_threads(1)


# The article's code, unchanged


class SimpleModel(nn.Module):
    def __init__(self):
        super(SimpleModel, self).__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        x = x.view(-1, 784)
        x = self.fc(x)
        return x


def fisher_matrix_diag(model, loader):
    log_softmax = nn.LogSoftmax(dim=1)
    model.eval()
    fisher = {
    }
    for param_name, _ in model.named_parameters():
        fisher[param_name] = torch.zeros_like(model.state_dict()[param_name])

    for data, target in loader:
        output = model(data)
        log_probs = log_softmax(output)
        probs = torch.exp(log_probs)
        for c in range(log_probs.shape[1]):
            pseudo_counts = probs[:, c]
            log_pseudo_counts = log_probs[:, c]
            if pseudo_counts.requires_grad is not True:
                pseudo_counts.requires_grad = True
                log_pseudo_counts.requires_grad = True
            (pseudo_counts * log_pseudo_counts).sum().backward(retain_graph=True)
            for name, param in model.named_parameters():
                fisher[name] += param.grad.pow(2) / len(loader)

    for param_name in fisher.keys():
        fisher[param_name] /= len(loader)
    return fisher


def ewc_train(model, loader, optimizer, criterion, fisher, prev_task_params, lamda=1000):
    model.train()
    for batch_idx, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        output = model(data)
        loss = criterion(output, target)
        ewc_loss = 0
        for name, param in model.named_parameters():
            _loss = fisher[name] * (prev_task_params[name] - param).pow(2)
            ewc_loss += _loss.sum()
        loss += lamda * ewc_loss
        loss.backward()
        optimizer.step()


# Around it


class Loader:
    """Shuffled batches, the last one perhaps smaller: what DataLoader(shuffle=True) gives."""

    def __init__(self, data, target, batch_size):
        self.data, self.target, self.batch_size = data, target, batch_size

    def __len__(self):
        return -(-len(self.target) // self.batch_size)

    def __iter__(self):
        order = torch.randperm(len(self.target))
        for at in range(0, len(order), self.batch_size):
            rows = order[at:at + self.batch_size]
            yield self.data[rows], self.target[rows]


def mnist(part):
    """ToTensor and Normalize((0.1307,), (0.3081,)), from the IDX files."""
    folder = os.path.join(os.environ['HOLDFAST_DATA'], 'mnist')
    stem = {'train': 'train', 'test': 't10k'}[part]
    with gzip.open(os.path.join(folder, stem + '-images-idx3-ubyte.gz')) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(os.path.join(folder, stem + '-labels-idx1-ubyte.gz')) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    data = (torch.from_numpy(images.astype(np.float32)) / 255 - 0.1307) / 0.3081
    return data, torch.from_numpy(labels.astype(np.int64))


def digits(dataset, wanted, scenario='class'):
    """The rows of some digits; in the domain scenario 5-9 answer to the outputs of 0-4."""
    data, target = dataset
    rows = sum(target == digit for digit in wanted).bool()
    labels = target[rows]
    return data[rows], labels % 5 if scenario == 'domain' else labels


def accuracy(model, dataset):
    """As a fraction; None for a model that is broken (argmax of NaN is class 0, which would look like an answer)."""
    if not finite(model):
        return None
    model.eval()
    with torch.no_grad():
        right = [(model(d).argmax(1) == t).sum().item() for d, t in Loader(*dataset, 1000)]
    return round(sum(right) / len(dataset[1]), 4)


def finite(model):
    return all(torch.isfinite(param).all() for param in model.parameters())


def parameters_of(model):
    return {name: param.clone().detach() for name, param in model.named_parameters()}


def zeros(model):
    return {name: torch.zeros_like(param) for name, param in model.named_parameters()}


def trained(seed, dataset, epochs):
    torch.manual_seed(seed)
    model = SimpleModel()
    run(model, dataset, zeros(model), parameters_of(model), 0, epochs)
    return model


def run(model, dataset, fisher, anchor, lamda, epochs):
    """The article's loop. Says after which epoch a parameter was no longer a finite number, if ever."""
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        ewc_train(model, Loader(*dataset, 64), optimizer, criterion, fisher, anchor, lamda)
        if not finite(model):
            return epoch + 1
    return None


def say(**result):
    print(json.dumps(result), flush=True)


# The definition and the way to it. For one linear layer d log p(c) / d W[k, i] = ([c = k] - p_k) x_i, so sums over
# samples of squares are one matrix product.


def from_squares(squares, data, divisor):
    return {'fc.weight': squares.t() @ data.pow(2) / divisor, 'fc.bias': squares.sum(0) / divisor}


def definition(model, dataset):
    """1/N sum_n sum_c p(c|x_n) (d log p(c|x_n) / d theta)^2"""
    data, _ = dataset
    with torch.no_grad():
        p = torch.softmax(model(data), 1)
        return from_squares(p * (1 - p), data, len(data))


def weighted_inside(model, dataset, divisor):
    """The same one sample at a time, but with p within the derivative: d (p log p) = (1 + log p) dp."""
    data, _ = dataset
    with torch.no_grad():
        log_p = torch.log_softmax(model(data), 1)
        p = log_p.exp()
        squares = torch.zeros_like(p)
        for c in range(p.shape[1]):
            outer = -p * (p[:, c] * (1 + log_p[:, c])).unsqueeze(1)
            outer[:, c] += p[:, c] * (1 + log_p[:, c])
            squares += outer.pow(2)
        return from_squares(squares, data, divisor)


def cleared(model, loader, divisor):
    """The article's function with the gradients cleared before each backward pass."""
    fisher = zeros(model)
    for data, _ in loader:
        log_probs = torch.log_softmax(model(data), 1)
        probs = log_probs.exp()
        for c in range(log_probs.shape[1]):
            model.zero_grad()
            (probs[:, c] * log_probs[:, c]).sum().backward(retain_graph=True)
            for name, param in model.named_parameters():
                fisher[name] += param.grad.pow(2) / divisor
    return fisher


def check_definition(model, dataset):
    """The closed form against one backward pass a sample and class."""
    few = (dataset[0][:50], dataset[1][:50])
    slow = zeros(model)
    for x in few[0]:
        for c in range(10):
            model.zero_grad()
            log_probs = torch.log_softmax(model(x), 1)
            log_probs[0, c].backward()
            for name, param in model.named_parameters():
                slow[name] += log_probs[0, c].exp().detach() * param.grad.pow(2) / len(few[0])
    model.zero_grad()
    fast = definition(model, few)
    for name in slow:
        assert torch.allclose(slow[name], fast[name], rtol=1e-3, atol=1e-8), name


def flat(fisher):
    return torch.cat([fisher[name].flatten() for name in sorted(fisher)]).double()


def ranks(values):
    return values.argsort().argsort().double()


def correlation(a, b):
    return round(float(np.corrcoef(a.numpy(), b.numpy())[0, 1]), 3)


def compare(point, form, fisher, reference, curvature):
    """curvature is the factor of F in the penalty's second derivative: 2 lambda, or lambda where the loss has lambda/2."""
    a, b = flat(fisher), flat(reference)
    ratio = a / b
    say(point=point, form=form, mass=float('%.4g' % a.sum()), massRatio=float('%.4g' % (a.sum() / b.sum())),
        ratio={str(q): float('%.3g' % torch.quantile(ratio, q / 100)) for q in (1, 50, 99)},
        pearson=correlation(a, b), spearman=correlation(ranks(a), ranks(b)),
        largest=float('%.4g' % a.max()), stepAtLambda1000=float('%.3g' % (0.01 * curvature * 1000 * a.max())))


def printed(seed, epochs):
    train, test = mnist('train'), mnist('test')
    for lamda in (0, 1e-6, 1e-4, 1e-3, 2e-3, 1e-2, 1, 1000):
        torch.manual_seed(seed)
        model = SimpleModel()
        before = accuracy(model, test)
        anchor = parameters_of(model)
        fisher = fisher_matrix_diag(model, Loader(*train, 64))
        broken = run(model, train, fisher, anchor, lamda, epochs)
        say(program='as printed', seed=seed, lamda=lamda, before=before, after=accuracy(model, test), notFiniteAfterEpoch=broken)


def fishers(seed, epochs):
    train = mnist('train')
    first = digits(train, range(5))
    torch.manual_seed(seed)
    for point, dataset, model in (
        ('untrained, all digits', train, SimpleModel()),
        ('trained on 0-4, digits 0-4', first, trained(seed, first, epochs)),
    ):
        check_definition(model, dataset)
        reference = definition(model, dataset)
        batches, count = len(Loader(*dataset, 64)), len(dataset[0])
        model.zero_grad(set_to_none=True)
        compare(point, 'article', fisher_matrix_diag(model, Loader(*dataset, 64)), reference, 2)
        compare(point, 'gradients cleared', cleared(model, Loader(*dataset, 64), batches ** 2), reference, 2)
        compare(point, 'divided once', cleared(model, Loader(*dataset, 64), batches), reference, 2)
        compare(point, 'sample by sample', weighted_inside(model, dataset, count), reference, 2)
        compare(point, 'p outside: the definition', reference, reference, 2)


def tasks(seed, epochs, scenarios):
    train, test = mnist('train'), mnist('test')
    for scenario in scenarios:
        first, second = (digits(train, part, scenario) for part in (range(5), range(5, 10)))
        old, new = (digits(test, part, scenario) for part in (range(5), range(5, 10)))
        learned = trained(seed, first, epochs)
        say(scenario=scenario, seed=seed, after='0-4', old=accuracy(learned, old), new=accuracy(learned, new))
        anchor = parameters_of(learned)
        torch.manual_seed(seed)
        untrained = SimpleModel()
        held = {
            'definition': (definition(learned, first), anchor, 0.5, (0, 10, 100, 300, 1e3, 3e3, 1e4)),
            'article': (fisher_matrix_diag(learned, Loader(*first, 64)), anchor, 1, (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 1e3)),
            'article, of the untrained model': (fisher_matrix_diag(untrained, Loader(*second, 64)), parameters_of(untrained), 1, (1e-4, 1e-3, 1e-2, 1e3)),
        }
        for name, (fisher, at, half, lambdas) in held.items():
            for lamda in lambdas:
                model = SimpleModel()
                model.load_state_dict(anchor)
                broken = run(model, second, fisher, at, half * lamda, epochs)
                say(scenario=scenario, seed=seed, fisher=name, lamda=lamda, old=accuracy(model, old), new=accuracy(model, new), notFiniteAfterEpoch=broken)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=('printed', 'fisher', 'tasks'))
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--epochs', type=int, default=5)
    parser.add_argument('--scenario', choices=('class', 'domain'), action='append')
    options = parser.parse_args()
    if options.what == 'printed':
        printed(options.seed, options.epochs)
    elif options.what == 'fisher':
        fishers(options.seed, options.epochs)
    else:
        tasks(options.seed, options.epochs, options.scenario or ('class', 'domain'))
