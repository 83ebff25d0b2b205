"""The errors of the calls of gco-wrapper."""


class PyGcoError(Exception):
    """Base class of the errors of this module."""


class DataTypeNotSupportedError(PyGcoError):
    """Costs have a type or form that cannot be used."""


class ShapeMismatchError(PyGcoError):
    """Shapes of arrays do not match each other or the graph."""


class IndexOutOfBoundError(PyGcoError):
    """A node or a label does not exist."""
