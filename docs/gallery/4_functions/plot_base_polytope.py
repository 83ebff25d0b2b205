"""
The base polytope and its point of smallest norm
================================================

A submodular function of three elements has a polygon of bases in the plane x(V) = F(V). Its
vertices are greedy vectors, one per order of the elements. The negative entries of the point
closest to the origin add up to the minimum of F.
"""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from subopt import Cut, Modular, min_norm_point

F = Cut([[0, 2, 1], [2, 0, 1.5], [1, 1.5, 0]]) + Modular([-4.0, 1.0, 2.5])
orders = list(permutations(range(3)))
vertices = np.array([F.greedy(order) for order in orders])

# %%
# The certificate of a minimizer is a point of the polygon, as a convex combination of greedy
# vectors.

result = min_norm_point(F, tol=0.0, eliminate=False)
certificate = result.certificate
x = certificate.weights @ np.array([F.greedy(order) for order in certificate.orders])
print("x =", x.round(3), " sum of negative entries:", np.minimum(x, 0).sum().round(3))
print("min F =", result.value, "at S =", result.S)

center = vertices.mean(axis=0)
u = vertices[0] - center
v = np.cross(np.ones(3) / np.sqrt(3), u)
angles = np.arctan2((vertices - center) @ v, (vertices - center) @ u)
around = np.argsort(angles)

figure = plt.figure(figsize=(6.4, 5.6), layout="constrained")
axis = figure.add_subplot(projection="3d")
axis.add_collection3d(
    Poly3DCollection([vertices[around]], facecolor="#9ecae1", edgecolor="#08519c", alpha=0.6)
)
for k in range(6):
    axis.text(
        *(vertices[k] + 0.12 * (vertices[k] - center)), "".join(map(str, orders[k])), ha="center"
    )
axis.scatter(*vertices.T, color="#08519c")
axis.scatter(*x, color="#de2d26", s=60, label="point of smallest norm")
axis.plot(*np.stack([np.zeros(3), x], axis=1), color="#de2d26")
axis.scatter(0, 0, 0, color="black", label="origin")
low, high = vertices.min(axis=0) - 0.5, vertices.max(axis=0) + 0.5
axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
axis.set(xlabel="$x_0$", ylabel="$x_1$", zlabel="$x_2$")
axis.legend(frameon=False, loc="upper left")
axis.view_init(25, 35)
plt.show()
