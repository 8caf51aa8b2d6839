"""The side of the line protocol of bench/METHOD.md that peers in Python share: files of a fit, questions and answers."""

import sys
import warnings
from urllib.parse import unquote


class Unsupported(Exception):
    """The peer has no such fit; no failure."""


class Absent(Exception):
    """What the peer needs is not there; no failure."""


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
    except Absent as error:
        return f"absent {' '.join(str(error).split())}"
    except Unsupported as error:
        return f"unsupported {' '.join(str(error).split())}"
    except Exception as error:
        return f"failed {type(error).__name__} {' '.join(str(error).split())}"


def serve(contestant):
    """Answers one line with one line until `stop` or the end of input."""
    # runs that end at their last iteration are what scikit-learn warns of
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "stop":
            break
        print(answer(contestant, verb, words), flush=True)
