# Where to put the border between old and new classes: an offset that is added to the outputs of new classes.
# By an oracle that sees the rows it is judged on, and by a proof on rows held out.
import math

import torch


class Border:
    """Rows seen from the border: a row is taken for a new class where the offset is above its margin.

    `logits` [N, C], of which the first `old_count` are of old classes; `y` [N] the right units.
    """

    def __init__(self, logits, y, old_count):
        old, new = logits[:, :old_count].max(1), logits[:, old_count:].max(1)
        self.margin = old.values - new.values
        self.right_old = old.indices == y
        self.right_new = new.indices + old_count == y

    def right(self, offset):
        return torch.where(self.margin < offset, self.right_new, self.right_old)

    def accuracy(self, offset):
        return self.right(offset).double().mean().item()


def oracle(old, new, before, budget):
    """New accuracy at the largest offset that keeps old accuracy at `before - budget`, or None."""
    margins = old.margin[old.right_old].sort().values
    spare = len(margins) - math.ceil((before - budget) * len(old.margin) - 1e-6)
    if spare < 0:
        return None
    return new.accuracy(margins[spare].item() if spare < len(margins) else math.inf)


def within(was, now, budget):
    """Whether the drop is below the budget, with a chance of 5 % to say so wrongly.

    The score test for paired shares (Tango 1998, Statistics in Medicine 17), corrected for whole counts, as
    in Holdfast's gate. `was` and `now` [N]: whether a row was right before, and is now.
    """
    n, lost, won = len(was), int((was & ~now).sum()), int((~was & now).sum())
    linear = (2 * n - lost + won) * budget - lost - won
    root = math.sqrt(linear * linear + 8 * n * won * budget * (1 - budget))
    rate = 2 * (root - linear) / (4 * n) + budget
    return (lost - won + 0.5 - n * budget) / math.sqrt(n * (rate - budget * budget)) <= -1.6449


def proved(old, was, new, budget):
    """The largest offset of a sequence that passes the test with all below it; None where the first fails.

    New rows alone make the sequence (each offset lets one more in), so each test may use the full level.
    """
    offset = None
    for candidate in new.margin.sort().values.tolist():
        if not within(was, old.right(candidate), budget):
            break
        offset = candidate
    return offset
