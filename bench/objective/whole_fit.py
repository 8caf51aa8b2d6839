"""scikit-learn's NMF until it stops by its own tolerance, behind the line protocol of bench/METHOD.md. A unit is one whole
`fit_transform`, its start included, with the defaults of the class.

The divergence that it computes when all is done, which no way to an objective needs, is taken off. `loss` writes W and H
(float64) into the folder `factors`, and tells what scikit-learn itself takes the loss for.
    curve=FILE   stops its clock after iterations to compute their loss, and writes [seconds, loss] of each
"""

import json
import pathlib
import sys
import time
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "peers"))

from protocol import matrix, serve  # noqa: E402
from scikit_learn import BETA, blas_name  # noqa: E402

MOST_ITERATIONS = 2000


class Watch:
    """A function of scikit-learn's, and what to do after each call of it."""

    def __init__(self, module, name, after):
        original = getattr(module, name)

        def watched(*args, **kwargs):
            begun = time.perf_counter()
            result = original(*args, **kwargs)
            after(time.perf_counter() - begun, args, result)
            return result

        setattr(module, name, watched)


class Curve:
    """[seconds, loss] of iterations: of the first ones all, of later ones enough for a curve."""

    def __init__(self, X, beta):
        import numpy as np
        import scipy.sparse as sp

        self.np, self.beta, self.points, self.iteration, self.next = np, beta, [], 0, 1
        self.X = X.astype(np.float64)
        if beta == 2:
            self.X2 = float((self.X.data**2).sum() if sp.issparse(X) else (self.X**2).sum())
        else:
            self.X = sp.csr_matrix(self.X)
            self.rows = np.repeat(np.arange(X.shape[0]), np.diff(self.X.indptr))

    def begin(self):
        self.begun, self.stopped = time.perf_counter(), 0.0

    def end_iteration(self, W, H):
        seconds = self.last = time.perf_counter() - self.begun - self.stopped
        self.iteration += 1
        if self.iteration >= self.next:
            self.next = max(self.iteration + 1, int(1.03 * self.iteration))
            self.points.append([seconds, self.loss(W, H)])
        self.stopped = time.perf_counter() - self.begun - seconds

    def end(self, W, H):
        """The last iteration, whether its turn had come or not."""
        if self.points[-1][0] < self.last:
            self.points.append([self.last, self.loss(W, H)])

    def loss(self, W, H):
        np = self.np
        W, H = W.astype(np.float64), H.astype(np.float64)
        if self.beta == 2:
            return float(self.X2 / 2 - ((self.X @ H.T) * W).sum() + ((W.T @ W) * (H @ H.T)).sum() / 2)
        X, step, total = self.X, 1 << 16, W.sum(axis=0) @ H.sum(axis=1)
        for p in range(0, X.nnz, step):
            x, i, j = X.data[p : p + step], self.rows[p : p + step], X.indices[p : p + step]
            wh = np.maximum(np.einsum("pr,rp->p", W[i], H[:, j]), np.finfo(np.float32).eps)
            total += (x * np.log(x / wh) - x).sum()
        return float(total)


class Contestant:
    def start(self, words):
        import sklearn
        import sklearn.decomposition._nmf as nmf
        import threadpoolctl

        self.nmf, self.words, self.curve, self.last = nmf, words, None, 0.0
        self.limits = threadpoolctl.threadpool_limits(int(words["threads"]))
        self.X = matrix(words).astype({"f32": "float32", "f64": "float64"}[words["dtype"]])
        beta = BETA[words["loss"]]
        self.settings = {"solver": "cd"} if beta == 2 else {"solver": "mu", "beta_loss": words["loss"]}
        Watch(nmf, "_beta_divergence", lambda seconds, args, result: setattr(self, "last", seconds))
        if "curve" in words:
            self.curve = Curve(self.X, beta)
            if beta == 2:
                # called for W and for H by turns, with the factor that moves first, both with components in columns
                sides = iter(range(sys.maxsize))
                after = lambda s, args, r: self.curve.end_iteration(args[2], args[1].T) if next(sides) % 2 else None
                Watch(nmf, "_update_coordinate_descent", after)
            else:
                after = lambda s, args, H: self.curve.end_iteration(args[1], H)
                Watch(nmf, "_multiplicative_update_h", after)
        variant = f"{sklearn.__version__} {blas_name()} {self.settings['solver']}"
        return f"ok variant={quote(variant)}"

    def run(self, _):
        rank = int(self.words["rank"])
        self.model = self.nmf.NMF(n_components=rank, max_iter=MOST_ITERATIONS, random_state=0, **self.settings)
        if self.curve:
            self.curve.begin()
        begun = time.perf_counter()
        self.W = self.model.fit_transform(self.X)
        seconds = time.perf_counter() - begun - self.last
        if self.model.n_iter_ >= MOST_ITERATIONS:
            return "failed it did not stop by its own tolerance"
        if self.curve:
            self.curve.end(self.W, self.model.components_)
            pathlib.Path(self.words["curve"]).write_text(json.dumps(self.curve.points))
        return f"seconds {seconds}"

    def loss(self):
        folder = pathlib.Path(self.words["factors"])
        folder.mkdir(parents=True, exist_ok=True)
        for name, factor in (("W", self.W), ("H", self.model.components_)):
            factor.astype("<f8").tofile(folder / name)
        return f"loss {float(self.model.reconstruction_err_) ** 2 / 2}"


if __name__ == "__main__":
    serve(Contestant())
