# gaussian_peer.py: a layered net's A by dense NumPy: J, JᵀJ, slogdet, solve; prints the seconds of a sample.
import sys
import time

try:
    import numpy as np
except ImportError:
    sys.exit(77)

width, depth = int(sys.argv[1]), int(sys.argv[2])
n = width * depth
random = np.random.default_rng(1)
weights = [random.normal(size=(width, width)) / width**0.5 for _ in range(depth)]
slopes = [random.uniform(0.5, 1, size=width) for _ in range(depth)]
residual = random.normal(size=n + width)
J = np.zeros((n + width, n))


def evaluate():
    J[np.arange(n), np.arange(n)] = 1
    for k in range(depth):
        J[(k + 1) * width : (k + 2) * width, k * width : (k + 1) * width] = -slopes[k][:, None] * weights[k]
    A = J.T @ J
    g = J.T @ residual
    return np.linalg.slogdet(A)[1], g @ np.linalg.solve(A, g)


def seconds():
    start = time.process_time()
    evaluate()
    return time.process_time() - start


print(min(seconds() for _ in range(2)))
