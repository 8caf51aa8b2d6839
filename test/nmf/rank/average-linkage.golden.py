"""Prints average-linkage.golden.json: heights and cophenetic correlations of average linkage as SciPy has them.

    python3 test/nmf/rank/average-linkage.golden.py > test/nmf/rank/average-linkage.golden.json
"""

import json

import numpy as np
import scipy
from scipy.cluster.hierarchy import average, cophenet
from scipy.spatial.distance import squareform

random = np.random.default_rng(20260101)
cases = []
for n in [2, 3, 7, 24]:
    # distances that float32 holds, all different, so that there is one tree
    distances = (random.permutation(n * (n - 1) // 2) + 1) / 1024
    sizes = random.integers(1, 4, n)
    # members of one point at no distance from one another
    members = np.repeat(np.arange(n), sizes)
    spread = squareform(squareform(distances)[np.ix_(members, members)], checks=False)
    single = average(distances)
    grouped = average(spread)
    cases.append(
        {
            "distances": distances.tolist(),
            "sizes": sizes.tolist(),
            "heights": single[:, 2].tolist(),
            "cophenetic": float(cophenet(single, distances)[0]) if n > 2 else 1,
            "groupedHeights": grouped[len(members) - n :, 2].tolist(),
            "groupedCophenetic": float(cophenet(grouped, spread)[0]),
        }
    )
print(json.dumps({"scipy": scipy.__version__, "cases": cases}))
