"""What a CUDA device does by PyTorch's hands at most, as roofs of bench/METHOD.md. A unit is one pass.

op=sgemm: one product of two float32 matrices by cuBLAS, of `size` rows and columns each, without TF32. op=copy: `bytes`
bytes from one array of the device to another.
"""

import time
from urllib.parse import quote

from protocol import serve
from torch_cuda import opened


class Contestant:
    def start(self, words):
        self.torch = torch = opened()
        if words["op"] == "sgemm":
            size = int(words["size"])
            left, right, out = (torch.rand(size, size, device="cuda") for _ in range(3))
            self.work = lambda: torch.mm(left, right, out=out)
            flops, moved = 2 * size**3, 0
        else:
            count = int(words["bytes"]) // 4
            source, target = (torch.rand(count, device="cuda") for _ in range(2))
            self.work = lambda: target.copy_(source)
            flops, moved = 0, 8 * count
        return f"ok variant={quote(f'torch {torch.__version__}')} flops={flops} bytes={moved}"

    def run(self, passes):
        self.torch.cuda.synchronize()
        begun = time.perf_counter()
        for _ in range(passes):
            self.work()
        self.torch.cuda.synchronize()
        return f"seconds {time.perf_counter() - begun}"

    def loss(self):
        return "unsupported it tells no loss"


if __name__ == "__main__":
    serve(Contestant())
