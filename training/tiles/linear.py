"""A linear layer on standardised features: logistic regression with a quadratic penalty.

What must stay true: classes count the same whatever their numbers; varied copies of a tile stay on its tile's side of a
split; the result is exact (Newton's method to convergence), so it needs no seed.
"""

import numpy as np


def fit(features, target, penalty):
    """Weights (features x 2) and offset (2) of logits. `features`: copies x tiles x features."""
    copies = features.shape[0]
    rows = features.reshape(-1, features.shape[2])
    wanted = np.tile(target, copies)
    mean, spread = rows.mean(0), rows.std(0) + 1e-6
    matrix = np.c_[(rows - mean) / spread, np.ones(len(rows))]
    share = np.array([(target == 0).mean(), (target == 1).mean()])
    weight = 0.5 / share[wanted] / copies
    shrink = np.eye(matrix.shape[1]) * penalty
    shrink[-1, -1] = 1e-6
    b = np.zeros(matrix.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(matrix @ b, -30, 30)))
        slope = matrix.T @ (weight * (p - wanted)) + shrink @ b
        curve = (matrix * (weight * p * (1 - p))[:, None]).T @ matrix + shrink
        step = np.linalg.solve(curve, slope)
        b -= step
        if np.abs(step).max() < 1e-8:
            break
    w = b[:-1] / spread
    offset = b[-1] - mean @ w
    return np.c_[-w / 2, w / 2], np.array([-offset / 2, offset / 2])


def balanced_accuracy(truth, found):
    """Mean over the classes of the share of their tiles that were told rightly."""
    return float(np.mean([(found[truth == label] == label).mean() for label in np.unique(truth)]))


def held_out(features, target, folds, penalty):
    """Balanced accuracy on tiles as they are, each told by a layer that has not seen its block."""
    found = np.zeros(len(target), int)
    for fold in np.unique(folds):
        inside = folds != fold
        weights, offset = fit(features[:, inside], target[inside], penalty)
        found[~inside] = (features[0][~inside] @ weights + offset).argmax(1)
    return balanced_accuracy(target, found)
