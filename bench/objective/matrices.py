"""Makes the matrix of one data set, as raw little-endian files: X (float32, rows × columns), or indptr, indices (uint32) and
values (float32) of CSR. Whoever reads them, in whatever precision, starts from these bytes. Prints the sizes as JSON.

    python3 matrices.py NAME SOURCE FOLDER

Words are counted by scikit-learn's CountVectorizer, so that anyone can make the same matrices with two lines of theirs.
"""

import gzip
import json
import pathlib
import sys

import numpy as np


def digits(_):
    from sklearn.datasets import load_digits

    return load_digits().data


def fashion_mnist(source):
    """Intensities from 0 to 1. As bytes they would go to 255, and scikit-learn's start, which fills its zeros with the mean of X,
    would be so far off that coordinate descent takes its second iteration for the last."""
    with gzip.open(pathlib.Path(source) / "t10k-images-idx3-ubyte.gz") as images:
        _, count, height, width = np.frombuffer(images.read(16), dtype=">u4")
        return np.frombuffer(images.read(), dtype=np.uint8).reshape(count, height * width) / np.float32(255)


def counted(texts, **settings):
    from sklearn.feature_extraction.text import CountVectorizer

    X = CountVectorizer(stop_words="english", **settings).fit_transform(texts).tocsr()
    X.sort_indices()
    return X


def state_of_the_union(source):
    """The addresses in the order of their files, which is that of the years."""
    files = sorted((pathlib.Path(source) / "data").glob("*.json"))
    return counted([json.loads(file.read_text("utf8"))["text"] for file in files], min_df=2)


def spam_assassin(source):
    """Words of three or more letters in what follows the head of a mail, in five mails or more, and in no more than half."""
    data = pathlib.Path(source) / "data"
    mails = [file.replace(".txt", ".json") for file in json.loads((data / "file_list.json").read_text("utf8"))]
    bodies = [json.loads((data / mail).read_text("utf8"))["text"].split("\n\n", 1)[-1] for mail in mails]
    return counted(bodies, min_df=5, max_df=0.5, token_pattern=r"\b[a-z]{3,}\b")


MATRICES = {
    "digits": digits,
    "fashion-mnist": fashion_mnist,
    "state-of-the-union": state_of_the_union,
    "spam-assassin": spam_assassin,
}


def write(X, folder):
    if isinstance(X, np.ndarray):
        parts = {"X": X.astype("<f4")}
    else:
        parts = {"indptr": X.indptr.astype("<u4"), "indices": X.indices.astype("<u4"), "values": X.data.astype("<f4")}
    for name, part in parts.items():
        part.tofile(folder / name)
    nonzeros = int(np.count_nonzero(X)) if isinstance(X, np.ndarray) else X.nnz
    return {"rows": X.shape[0], "columns": X.shape[1], "nonzeros": nonzeros, "parts": list(parts)}


if __name__ == "__main__":
    name, source, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(write(MATRICES[name](source), folder)))
