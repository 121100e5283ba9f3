"""The authors' schedule of the temperature's gradient: a cosine from 0 to -1 over the first epochs."""

import math


def reversal(epoch, loops):
    """The size of the factor in an epoch counted from 0, which is one of theirs counted from 1."""
    step = min(epoch + 1, loops)
    return -((math.cos(step * math.pi / loops) + 1.0) * 0.5 * (0 - -1) + -1)
