"""Work with other packages: their arrays as numpy arrays, and estimators for scikit-learn.

`subopt.interop.sklearn` is imported explicitly and needs scikit-learn.
"""

from subopt._base.interchange import to_numpy

__all__ = ["to_numpy"]
