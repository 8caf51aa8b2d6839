"""Multiplicative updates for the Frobenius loss on a CUDA device, float32, as torch_cuda.py and cupy_cuda.py express them.

W and Ht, the transpose of H, lie there by rows, X sparse by rows and by columns. A unit is one iteration: W, then Ht. X, W
and Ht are on the device before the clock starts, and it stops when the device is through.
"""

import time
from urllib.parse import quote

from protocol import Unsupported, read

# keeps a quotient of zeros a number; nothing else is as small
TINY = 1e-30
BLOCK = 1024


def objective(X, W, Ht):
    """½‖X − W·H‖² in float64, by rows of X, so that neither X nor the model is held a second time."""
    import numpy as np

    W, Ht = W.astype(np.float64), Ht.astype(np.float64)
    total = np.vdot(W.T @ W, Ht.T @ Ht)
    for first in range(0, X.shape[0], BLOCK):
        rows = X[first : first + BLOCK].astype(np.float64)
        values = rows.ravel() if isinstance(rows, np.ndarray) else rows.data
        total += np.vdot(values, values) - 2 * np.vdot(W[first : first + BLOCK], rows @ Ht)
    return total / 2


class Contestant:
    """`make(X, W, Ht, words)` answers a fit with `variant`, `reset()`, `iterate(count)`, `wait()` and `factors()`."""

    def __init__(self, make):
        self.make = make

    def start(self, words):
        import numpy as np

        if words["solver"] != "mu" or words["loss"] != "frobenius":
            raise Unsupported("it is written for multiplicative updates under the Frobenius loss alone")
        self.X, W, H = read(words)
        self.fit = self.make(self.X, W, np.ascontiguousarray(H.T), words)
        return f"ok variant={quote(self.fit.variant)}"

    def run(self, iterations):
        self.fit.reset()
        self.fit.wait()
        begun = time.perf_counter()
        self.fit.iterate(iterations)
        self.fit.wait()
        return f"seconds {time.perf_counter() - begun}"

    def loss(self):
        return f"loss {objective(self.X, *self.fit.factors())}"
