"""scikit-learn's own solvers behind the line protocol of bench/METHOD.md. A unit is one iteration.

Its private functions are called, so that neither the checks nor the start of `NMF.fit` are timed. The multiplicative
solver computes the divergence of the start once, whatever the number of iterations: that time is taken off.
"""

import sys
import time
from urllib.parse import quote, unquote

BETA = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}


class Unsupported(Exception):
    """The peer has no such fit; no failure."""


def matrix(words):
    import numpy as np
    import scipy.sparse as sp

    rows, columns = int(words["rows"]), int(words["columns"])
    if "X" in words:
        return np.fromfile(words["X"], dtype=np.float32).reshape(rows, columns)
    parts = (
        np.fromfile(words["values"], dtype=np.float32),
        np.fromfile(words["indices"], dtype=np.uint32).astype(np.int32),
        np.fromfile(words["indptr"], dtype=np.uint32).astype(np.int32),
    )
    return sp.csr_matrix(parts, shape=(rows, columns))


def read(words):
    import numpy as np

    rows, rank, columns = (int(words[name]) for name in ("rows", "rank", "columns"))
    if words["dtype"] != "f32":
        raise Unsupported("the data files are float32")
    W = np.fromfile(words["W"], dtype=np.float32).reshape(rows, rank)
    H = np.fromfile(words["H"], dtype=np.float32).reshape(rank, columns)
    return matrix(words), W, H


def blas_name():
    import threadpoolctl

    blas = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    return f"{blas[0]['internal_api']} {blas[0]['version']}" if blas else "reference BLAS"


class Multiplicative:
    def __init__(self, nmf, beta):
        self.nmf, self.beta, self.outside = nmf, beta, 0.0
        divergence = nmf._beta_divergence

        def timed(*args, **kwargs):
            begun = time.perf_counter()
            result = divergence(*args, **kwargs)
            self.outside += time.perf_counter() - begun
            return result

        nmf._beta_divergence = timed

    def run(self, X, W, H, iterations):
        self.outside = 0.0
        begun = time.perf_counter()
        W, H, _ = self.nmf._fit_multiplicative_update(X, W, H, beta_loss=self.beta, max_iter=iterations, tol=0)
        return time.perf_counter() - begun - self.outside, W, H


class CoordinateDescent:
    """Hierarchical alternating least squares: without shuffling it visits the components in order."""

    def __init__(self, nmf):
        self.nmf = nmf

    def run(self, X, W, H, iterations):
        begun = time.perf_counter()
        W, H, _ = self.nmf._fit_coordinate_descent(X, W, H, tol=0, max_iter=iterations, shuffle=False)
        return time.perf_counter() - begun, W, H


class Contestant:
    def start(self, words):
        import sklearn
        import sklearn.decomposition._nmf as nmf
        import threadpoolctl

        self.limits = threadpoolctl.threadpool_limits(int(words["threads"]))
        self.nmf, self.beta = nmf, BETA[words["loss"]]
        self.X, self.W, self.H = read(words)
        if words["solver"] == "mu":
            self.solver = Multiplicative(nmf, self.beta)
        elif words["solver"] == "hals" and self.beta == 2:
            self.solver = CoordinateDescent(nmf)
        else:
            raise Unsupported("scikit-learn has no such solver")
        return f"ok variant={quote(f'{sklearn.__version__} {blas_name()}')}"

    def run(self, iterations):
        seconds, *self.last = self.solver.run(self.X, self.W.copy(), self.H.copy(), iterations)
        return f"seconds {seconds}"

    def loss(self):
        W, H = (factor.astype("float64") for factor in self.last)
        return f"loss {self.nmf._beta_divergence(self.X.astype('float64'), W, H, self.beta)}"


def answer(contestant, verb, words):
    try:
        if verb == "start":
            return contestant.start({name: unquote(value) for name, value in (word.split("=", 1) for word in words)})
        if verb == "run":
            return contestant.run(int(words[0]))
        if verb == "loss":
            return contestant.loss()
        return f"failed {verb} is not a verb"
    except ModuleNotFoundError as error:
        return f"absent {error.name} is not installed for this Python"
    except Unsupported as error:
        return f"unsupported {error}"
    except Exception as error:
        return f"failed {type(error).__name__} {' '.join(str(error).split())}"


def serve(contestant):
    """Answers one line with one line until `stop` or the end of input."""
    import warnings

    # runs that end at their last iteration are what scikit-learn warns of
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "stop":
            break
        print(answer(contestant, verb, words), flush=True)


if __name__ == "__main__":
    serve(Contestant())
