"""What scikit-learn makes of vectors with t-SNE, for crates/mct-embedding/tests/scikit_learn.rs.

    python tsne.py groups OUT.safetensors   # 300 vectors drawn here
    python tsne.py digits OUT.safetensors   # the 1,797 digits that come with scikit-learn

Holds `vectors`, scikit-learn's `places` and, as metadata, the divergence and the trustworthiness (12
neighbours) that scikit-learn finds for them.
"""

import sys

import numpy as np
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness


def groups():
    """Six groups of 50, of different width."""
    random = np.random.default_rng(7)
    centres = random.normal(size=(6, 16)) * 3
    return np.concatenate([centre + random.normal(size=(50, 16)) * (0.5 + 0.2 * i) for i, centre in enumerate(centres)])


kind, path = sys.argv[1:]
vectors = {"groups": groups, "digits": lambda: load_digits().data}[kind]().astype(np.float32)
# The small set exactly; the digits by Barnes and Hut's tree, which takes seconds instead of minutes.
tsne = TSNE(perplexity=30, init="pca", random_state=0, method="exact" if kind == "groups" else "barnes_hut")
places = tsne.fit_transform(vectors).astype(np.float32)
metadata = {
    "divergence": repr(float(tsne.kl_divergence_)),
    "trustworthiness": repr(float(trustworthiness(vectors, places, n_neighbors=12))),
}
save_file({"vectors": vectors, "places": places}, path, metadata)
print(kind, metadata)
