"""PyTorch on a CUDA device (see device_fit.py): products by cuBLAS, those with sparse X by cuSPARSE.

launch=each: every operation is launched from Python. launch=graph: those of an iteration are captured once in a CUDA graph,
which is launched again and again.
"""

from device_fit import TINY, Contestant
from protocol import Absent, Unsupported, serve


def opened():
    """PyTorch, where it has a device; its products are those of float32, never of the shorter TF32."""
    import torch

    if not torch.cuda.is_available():
        raise Absent("PyTorch finds no CUDA device")
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch


def update(F, X, other):
    """F ← F ∘ X·other / (F·(otherᵀ·other)), in place."""
    numerator = X @ other
    denominator = F @ (other.t() @ other)
    F.mul_(numerator.div_(denominator.add_(TINY)))


class Fit:
    def __init__(self, X, W, Ht, words):
        self.torch = torch = opened()
        self.variant = torch.__version__
        self.starts = [torch.from_numpy(start).cuda() for start in (W, Ht)]
        self.W, self.Ht = (start.clone() for start in self.starts)
        if "X" in words:
            self.X = torch.from_numpy(X).cuda()
            self.Xt = self.X.t()
        else:
            self.X, self.Xt = self.sparse(X), self.sparse(X.T.tocsr())
        self.graph = self.captured() if words["launch"] == "graph" else None

    def sparse(self, X):
        parts = (self.torch.from_numpy(part).cuda() for part in (X.indptr, X.indices, X.data))
        return self.torch.sparse_csr_tensor(*parts, size=X.shape)

    def iteration(self):
        update(self.W, self.X, self.Ht)
        update(self.Ht, self.Xt, self.W)

    def captured(self):
        cuda = self.torch.cuda
        # what the libraries set up at their first calls cannot be captured; PyTorch wants those on another stream
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(3):
                self.iteration()
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        try:
            with cuda.graph(graph):
                self.iteration()
        except RuntimeError as error:
            raise Unsupported(f"its operations cannot be captured: {error}") from error
        return graph

    def reset(self):
        self.W.copy_(self.starts[0])
        self.Ht.copy_(self.starts[1])

    def iterate(self, count):
        step = self.graph.replay if self.graph else self.iteration
        for _ in range(count):
            step()

    def wait(self):
        self.torch.cuda.synchronize()

    def factors(self):
        return self.W.cpu().numpy(), self.Ht.cpu().numpy()


if __name__ == "__main__":
    serve(Contestant(Fit))
