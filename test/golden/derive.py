"""What scikit-learn makes of small matrices: the trajectories of its solvers and its nndsvd starts, as JSON.

    python3 test/golden/derive.py --seed 1 --out test/golden

Wants scikit-learn (Debian: apt-get install python3-sklearn). The seed chooses sizes, matrices and starts, and nothing else
does; the tests beside this file read what it writes. All input is whole 64ths, so that float32 holds it exactly and fits
in either precision see the same numbers.
"""

import argparse
import json
import pathlib
import platform
import sys

try:
    import numpy as np
    import scipy
    import scipy.sparse as sp
    import sklearn
    from sklearn.decomposition import non_negative_factorization
    from sklearn.decomposition._nmf import _beta_divergence, _initialize_nmf
    from sklearn.utils.extmath import randomized_svd
except ImportError as error:
    sys.exit(f"{error}; scikit-learn is wanted (Debian: apt-get install python3-sklearn)")

COUNTS = [1, 2, 5, 10, 20, 40]

# below this, 2^-63, float32 fits by multiplicative updates let no entry sink
FLOOR = 2.0**-63

# alpha_W, alpha_H, l1_ratio
PENALTIES = [(0, 0, 0), (0.02, 0.02, 0.5), (0.01, 0.04, 1), (0.03, 0, 0)]

# scikit-learn refuses beta <= 0 where X has zeros, and has coordinate descent for beta = 2 alone
WITH_ZEROS = [("mu", 2), ("mu", 1), ("mu", 0.5), ("mu", 3), ("cd", 2)]
POSITIVE = [("mu", 0), ("mu", 0.5), ("mu", 3)]


def in_64ths(values):
    return np.round(values * 64) / 64


def numbers(values, digits=17):
    """As short as they can be written, whole numbers without a point."""
    rounded = [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=float).ravel()]
    return [int(value) if value.is_integer() else value for value in rounded]


def stored(X):
    if not sp.issparse(X):
        return {"data": numbers(X)}
    return {"indptr": X.indptr.tolist(), "indices": X.indices.tolist(), "values": numbers(X.data)}


def mixture(rng, rows, columns, noise):
    """Rank 3 and noise, above zero; what no model of low rank explains keeps the loss well away from zero."""
    model = rng.random((rows, 3)) @ rng.random((3, columns))
    return np.maximum(in_64ths(model + noise * rng.random((rows, columns))), 1 / 64)


def thinned(rng, X, share):
    """X with about this share of its entries, and a row and a column that are all zeros."""
    X = np.where(rng.random(X.shape) < share, X, 0)
    X[rng.integers(X.shape[0])] = 0
    X[:, rng.integers(X.shape[1])] = 0
    return X


def cut_off(X, W, H, beta):
    """
    What the entries that scikit-learn has cut off below beta = 1, where they came below the epsilon of float64, can add to
    the loss: at beta = 0.5 a model value of 1e-16 is worth 2e-8.
    """
    if beta >= 1:
        return 0
    least = np.finfo(np.float64).eps
    full = X.toarray() if sp.issparse(X) else X
    # in empty rows and columns entries become 0 by themselves
    W_before = np.where((W == 0) & full.any(axis=1)[:, None], least, W)
    H_before = np.where((H == 0) & full.any(axis=0), least, H)
    return abs(_beta_divergence(X, W_before, H_before, beta) - _beta_divergence(X, W, H, beta))


def shaken(rng, factor, solver):
    """
    A factor with an error of about one rounding to float32 in each entry that is not 0: of itself where it is multiplied,
    of the largest where coordinate descent takes the difference of larger numbers.
    """
    size = factor if solver == "mu" else np.max(factor)
    return np.where(factor > 0, np.abs(factor + 2.0**-24 * size * rng.choice([-1, 1], factor.shape)), 0)


def trajectory(X, W, H, solver, beta, penalty):
    alpha_W, alpha_H, l1_ratio = penalty
    options = dict(n_components=W.shape[1], init="custom", solver=solver, beta_loss=beta, tol=0, shuffle=False)
    options.update(alpha_W=alpha_W, alpha_H=alpha_H, l1_ratio=l1_ratio)
    rng = np.random.default_rng(0)
    W_shaken, H_shaken = W, H
    losses, cuts, sways = [], [], []
    sunk = [np.zeros(W.shape, bool), np.zeros(H.shape, bool)]
    returned = None
    for count in range(1, COUNTS[-1] + 1):
        # the solvers remember nothing but their factors, into which they write
        W, H, _ = non_negative_factorization(X, W=W.copy(), H=H.copy(), max_iter=1, **options)
        W_shaken, H_shaken, _ = non_negative_factorization(
            X, W=shaken(rng, W_shaken, solver), H=shaken(rng, H_shaken, solver), max_iter=1, **options
        )
        for factor, below in zip((W, H), sunk):
            below |= (factor > 0) & (factor < FLOOR)
            if returned is None and np.any(below & (factor > FLOOR)):
                returned = count
        if count in COUNTS:
            losses.append(_beta_divergence(X, W, H, beta))
            cuts.append(cut_off(X, W, H, beta))
            sways.append(abs(_beta_divergence(X, W_shaken, H_shaken, beta) - losses[-1]))
    return {
        "solver": {"cd": "hals", "mu": "mu"}[solver],
        "beta": beta,
        "alphaW": alpha_W,
        "alphaH": alpha_H,
        "l1Ratio": l1_ratio,
        "losses": numbers(losses),
        "cuts": numbers(cuts, 2),
        "sways": numbers(sways, 2),
        "returned": returned,
    }


def trajectories(seed):
    problems = []
    for place, (name, share, ways) in enumerate(
        [("dense", 0.75, WITH_ZEROS), ("sparse", 0.35, WITH_ZEROS), ("dense", 1, POSITIVE), ("sparse", 1, POSITIVE)]
    ):
        rng = np.random.default_rng([seed, place])
        rows, columns = (int(size) for size in rng.integers(9, 19, 2))
        rank = int(rng.integers(2, 6))
        X = mixture(rng, rows, columns, 1.0)
        if share < 1:
            X = thinned(rng, X, share)
        W = in_64ths(0.25 + 1.5 * rng.random((rows, rank)))
        H = in_64ths(0.25 + 1.5 * rng.random((rank, columns)))
        X = sp.csr_matrix(X) if name == "sparse" else X
        problems.append(
            {
                "name": name + (", positive" if share == 1 else ""),
                "rows": rows,
                "columns": columns,
                "rank": rank,
                "X": stored(X),
                "W": numbers(W),
                "H": numbers(H),
                "runs": [trajectory(X, W, H, *way, penalty) for way in ways for penalty in PENALTIES],
            }
        )
    return {"counts": COUNTS, "problems": problems}


def halves(vector):
    return np.linalg.norm(np.maximum(vector, 0)), np.linalg.norm(np.minimum(vector, 0))


def decided(X, rank):
    """
    Whether the start follows from X: a singular vector turns freely with one of nearly the same singular value, the half
    of a pair is chosen by a comparison, and entries below 1e-6 are cut off.
    """
    U, S, V = np.linalg.svd(X, full_matrices=False)
    if np.any(S[1 : rank + 1] > 0.85 * S[:rank]):
        return False
    for j in range(1, rank):
        (up, un), (vp, vn) = halves(U[:, j]), halves(V[j])
        if abs(up * vp - un * vn) < 0.02 * max(up * vp, un * vn):
            return False
    if np.min(np.abs(np.concatenate([U[:, :rank].ravel(), V[:rank].ravel()]))) < 1e-4:
        return False
    # and whether scikit-learn's own iteration has come near: the same products of vectors, whatever their signs
    own = randomized_svd(X, rank, random_state=0)
    return np.allclose(own[0] * own[1] @ own[2], U[:, :rank] * S[:rank] @ V[:rank], rtol=0, atol=1e-5 * np.max(X))


def nndsvd_problem(rng, name):
    while True:
        rows, columns = (int(size) for size in rng.integers(24, 48, 2))
        rank = int(rng.integers(3, 6))
        X = mixture(rng, rows, columns, 0.1)
        # blocks of falling weight set the singular values apart
        for block in range(rank):
            X[block::rank, block::rank] *= 2.0 ** (2 - block)
        X = in_64ths(np.where(rng.random(X.shape) < (0.4 if name == "sparse" else 1), X, 0))
        if decided(X, rank):
            break
    X = sp.csr_matrix(X) if name == "sparse" else X
    starts = {init: _initialize_nmf(X, rank, init=init, random_state=0) for init in ("nndsvd", "nndsvda", "nndsvdar")}
    # a random fill cannot be met; where there is none, this start is the first
    for own, filled in zip(starts["nndsvd"], starts.pop("nndsvdar")):
        assert np.array_equal(own[own > 0], filled[own > 0])
    return {
        "name": name,
        "rows": rows,
        "columns": columns,
        "rank": rank,
        "X": stored(X),
        "mean": float(X.mean()),
        "starts": {init: {"W": numbers(W, 9), "H": numbers(H, 9)} for init, (W, H) in starts.items()},
    }


def nndsvd(seed):
    rng = np.random.default_rng([seed, 100])
    return {"problems": [nndsvd_problem(rng, name) for name in ("dense", "sparse")]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }
    command = f"python3 test/golden/derive.py --seed {arguments.seed} --out test/golden"
    arguments.out.mkdir(parents=True, exist_ok=True)
    for derive in (trajectories, nndsvd):
        content = {"command": command, "versions": versions, **derive(arguments.seed)}
        text = json.dumps(content, separators=(",", ":"))
        # a line for each problem and each run of it
        for mark in ('{"name"', '{"solver"', '"runs"', '"starts"'):
            text = text.replace(mark, "\n" + mark)
        (arguments.out / f"{derive.__name__}.json").write_text(text + "\n")


main()
