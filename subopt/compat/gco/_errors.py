"""The errors of the calls of gco-wrapper."""


class PyGcoError(Exception):
    """What all errors of this module have in common."""


class DataTypeNotSupportedError(PyGcoError):
    """Costs have a type or form that cannot be used."""


class ShapeMismatchError(PyGcoError):
    """Arrays do not fit to each other or to the graph."""


class IndexOutOfBoundError(PyGcoError):
    """A node or a label does not exist."""
