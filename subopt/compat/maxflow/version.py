"""The version of PyMaxflow whose calls are available, and of the C++ library behind it."""

__version__ = "1.3.2"
__version_core__ = (3, 0, 4)
