"""CuPy on a CUDA device (see device_fit.py): products by cuBLAS, those with sparse X by cuSPARSE; an update is one kernel."""

import os

from device_fit import TINY, Contestant
from protocol import Absent, serve


def opened():
    """CuPy, where it has a device; its products are those of float32, never of the shorter TF32."""
    os.environ["CUPY_TF32"] = "0"
    import cupy

    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise Absent(f"CuPy finds no CUDA device: {error}") from error
    if count == 0:
        raise Absent("CuPy finds no CUDA device")
    return cupy


class Fit:
    def __init__(self, X, W, Ht, words):
        self.cupy = cupy = opened()
        self.variant = cupy.__version__
        # its products with sparse X take and give columns, and would make copies of rows
        order = "C" if "X" in words else "F"
        self.starts = [cupy.asarray(start, order=order) for start in (W, Ht)]
        self.W, self.Ht = (cupy.empty_like(start) for start in self.starts)
        if "X" in words:
            self.X = cupy.asarray(X)
            self.Xt = self.X.T
        else:
            from cupyx.scipy.sparse import csr_matrix

            self.X, self.Xt = csr_matrix(X), csr_matrix(X.T.tocsr())
        self.quotient = cupy.ElementwiseKernel(
            "float32 numerator, float32 denominator", "float32 F", f"F *= numerator / (denominator + {TINY}f)", "quotient"
        )

    def update(self, F, X, other):
        """F ← F ∘ X·other / (F·(otherᵀ·other)), in place."""
        self.quotient(X @ other, F @ (other.T @ other), F)

    def reset(self):
        self.cupy.copyto(self.W, self.starts[0])
        self.cupy.copyto(self.Ht, self.starts[1])

    def iterate(self, count):
        for _ in range(count):
            self.update(self.W, self.X, self.Ht)
            self.update(self.Ht, self.Xt, self.W)

    def wait(self):
        self.cupy.cuda.get_current_stream().synchronize()

    def factors(self):
        return self.W.get(), self.Ht.get()


if __name__ == "__main__":
    serve(Contestant(Fit))
