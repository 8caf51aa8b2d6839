"""scikit-learn's own solvers behind the line protocol of bench/METHOD.md. A unit is one iteration.

Its private functions are called, so that neither the checks nor the start of `NMF.fit` are timed. The multiplicative
solver computes the divergence of the start once, whatever the number of iterations: that time is taken off.
"""

import time
from urllib.parse import quote

from protocol import Unsupported, read, serve

BETA = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}


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


if __name__ == "__main__":
    serve(Contestant())
