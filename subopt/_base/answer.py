"""The answers that solvers return: a value, a lower bound, a status and a certificate.

The fields and their names are the same for sets, flows, labelings and batches of them, so that
code that compares, logs or re-checks answers does not depend on the kind of problem.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from subopt._base.types import Array


class CertificateError(ValueError):
    """Raised when the evidence does not prove what the answer states."""

    __module__ = "subopt"  # where people import it from, and what tracebacks show


@contextmanager
def as_evidence() -> Iterator[None]:
    """Turn the errors that malformed evidence causes into `CertificateError`."""
    try:
        yield
    except CertificateError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CertificateError(f"The evidence is malformed: {error}") from error


def numbers(name: str, given: Any) -> Array:
    """Return an array of evidence, or raise `CertificateError` unless it holds real numbers."""
    with as_evidence():
        array: Array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise CertificateError(
            f"The evidence is malformed: {name} needs real numbers, got {type(given).__name__} of "
            f"dtype {array.dtype}"
        )
    return array


def number(name: str, given: Any) -> float:
    """Return a number of evidence, such as the bound that it is said to prove."""
    array = numbers(name, given)
    if array.shape != ():
        raise CertificateError(f"The evidence is malformed: {name} needs one number, got {given!r}")
    return float(array)


class Certificate(Protocol):
    """Evidence for a lower bound, which can be re-checked from the problem alone."""

    def check(self, problem: Any, answer: Any) -> float:
        """Recompute the gap of an answer, or raise `CertificateError`.

        Parameters
        ----------
        problem : object
            The problem that was solved.
        answer : Answer or array_like
            The answer of a solver, or only its set, labels or shares.

        Returns
        -------
        float
            Upper bound on the distance of the value from the minimum; infinity if nothing is
            proven.
        """


class Status(enum.Enum):
    """Why a solver stopped. The value of a member is a sentence that explains it.

    Names follow MathOptInterface where it has a name. `OPTIMAL` is derived from the gap.
    """

    OPTIMAL = "the bound meets the value within the tolerance: no better answer exists"
    LOCAL_MINIMUM = "no move of the neighborhoods that were searched lowers the value"
    LOCAL_MAXIMUM = "no move of the neighborhoods that were searched raises the value"
    STATIONARY = "no step of the method leads to a better answer"
    CONVERGED = "further iterations would change the result by less than the method's tolerance"
    EFFORT_LIMIT = "the method has done all of its work; it does not prove that its answer is best"
    ITERATION_LIMIT = "stopped after max_iter iterations; the best answer so far is returned"
    NODE_LIMIT = "stopped after max_nodes nodes; the best answer so far is returned"
    TIME_LIMIT = "stopped at time_limit; the best answer so far is returned"
    INTERRUPTED = "the callback ended the run; the best answer so far is returned"
    SLOW_PROGRESS = "floating point allows no further progress; the gap that is left is reported"
    RUNNING = "the run goes on; callbacks are called with its best answer so far"
    REPORTED_OPTIMAL = "another program reports optimality; there is no evidence to re-check"

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


_PLAIN = frozenset((bool, int, float, str, type(None)))


class ReadOnly:
    """Base class of dataclasses with read-only arrays, and with numbers of Python, not of numpy."""

    def __post_init__(self) -> None:
        for name, field in vars(self).items():  # no name is new, so there is no need for a copy
            if type(field) is np.ndarray:
                field.setflags(write=False)
            elif type(field) not in _PLAIN:
                if isinstance(field, np.generic):
                    object.__setattr__(self, name, field.item())
                else:
                    freeze(field)


def freeze(*fields: Any) -> None:
    """Make arrays read-only, also those within tuples and lists."""
    for field in fields:
        if isinstance(field, np.ndarray):
            field.setflags(write=False)
        elif isinstance(field, (tuple, list)):
            freeze(*field)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Answer(ReadOnly):
    """The attributes that all answers have.

    Attributes
    ----------
    value : float
        The objective at the answer.
    lower_bound : float
        A lower bound on the objective of every answer. Minus infinity if no bound is known.
    status : Status
        Why the solver stopped.
    method : str
        The method that ran, and why it was chosen.
    certificate : Certificate or None
        Evidence for `lower_bound`.
    """

    value: float
    lower_bound: float = -math.inf
    status: Status
    method: str
    certificate: Certificate | None = None

    def __repr__(self) -> str:
        parts = self._proven(), self._contents(), self.status.name, f"method={self.method!r}"
        return f"{type(self).__name__}({', '.join(filter(None, parts))})"

    def _proven(self) -> str:
        return f"value={shown(self.value)}, lower_bound={shown(self.lower_bound)}"

    def _contents(self) -> str:
        """Return what `repr` says of the arrays."""
        return ""

    @property
    def gap(self) -> float:
        """Upper bound on the distance from the minimum: ``value - lower_bound``, at least 0."""
        return gap(self.value, self.lower_bound)

    def check(self, problem: Any) -> float:
        """Recompute `gap` from the problem alone.

        Parameters
        ----------
        problem : object
            The problem that was solved.

        Returns
        -------
        float
            The result of ``certificate.check(problem, self)``, which recomputes the value as well;
            infinity if there is no certificate.

        Raises
        ------
        CertificateError
            If the evidence does not prove the bound.
        """
        return math.inf if self.certificate is None else self.certificate.check(problem, self)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SetAnswer(Answer):
    """An answer that is a set.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; read-only.
    n_iter : int
        Number of iterations.
    n_evals : int
        Number of evaluations of the function.
    """

    mask: np.ndarray[Any, np.dtype[np.bool_]]
    n_iter: int = 0
    n_evals: int = 0

    @property
    def S(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """The elements of the set, in ascending order."""
        return np.flatnonzero(self.mask)

    @property
    def set(self) -> frozenset[int]:
        """The elements of the set, as a frozenset."""
        return frozenset(self.S.tolist())

    def _contents(self) -> str:
        return f"{int(self.mask.sum())} of {len(self.mask)} elements"


T = TypeVar("T", bound=Answer)


def ended_by(callback: Callable[[Any], object] | None, answer: Answer) -> bool:
    """Call a callback during a run, and return whether it raises StopIteration, which ends the run.

    The answer has the status RUNNING there, unless it is proven to be optimal.
    """
    if answer.status is not Status.OPTIMAL:
        answer = replace(answer, status=Status.RUNNING)
    return _stops(callback, answer)


def told(callback: Callable[[Any], object] | None, answer: T) -> T:
    """Call a callback with the answer that a run ends with, and return that answer.

    If the callback raises StopIteration, the status is INTERRUPTED, unless it is OPTIMAL. It is not
    called again with an answer that is INTERRUPTED: it has ended that run.
    """
    if answer.status is Status.INTERRUPTED:
        return answer
    optimal = answer.status is Status.OPTIMAL
    if _stops(callback, answer) and not optimal:
        return replace(answer, status=Status.INTERRUPTED)
    return answer


def _stops(callback: Callable[[Any], object] | None, answer: Answer) -> bool:
    if callback is None:
        return False
    try:
        callback(answer)
    except StopIteration:
        return True
    return False


class Batch(Sequence[T], Generic[T]):
    """The answers to many problems, in the order of the problems.

    It is a sequence: ``len(batch)``, ``batch[k]``, slices (which are batches again) and iteration.
    Items are created on access. Subclasses add arrays with one entry per answer.

    Parameters
    ----------
    size : int
        Number of answers.
    item : callable
        Takes the number of a problem and returns the answer to it.
    """

    def __init__(self, size: int, item: Callable[[int], T]) -> None:
        self._size, self._item = size, item

    @classmethod
    def of(cls, answers: Sequence[T]) -> Batch[T]:
        """Return a batch of existing answers.

        Parameters
        ----------
        answers : sequence of Answer
            The answers, in the order of the problems.

        Returns
        -------
        Batch
            The same answers.
        """
        return Batch(len(answers), answers.__getitem__)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Batch[T]: ...
    def __getitem__(self, index: int | slice) -> T | Batch[T]:
        if isinstance(index, slice):
            chosen = range(self._size)[index]
            return Batch(len(chosen), lambda k: self._item(chosen[k]))
        return self._item(range(self._size)[index])  # range: negative indices, and IndexError

    def __iter__(self) -> Iterator[T]:
        return map(self._item, range(self._size))

    def check(self, problem: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Recompute the gap of every answer from its problem.

        Parameters
        ----------
        problem : sequence
            The problems that were solved, one per answer.

        Returns
        -------
        ndarray of float64, shape (answers,)
            One gap per answer; see `Answer.check`.

        Raises
        ------
        ValueError
            If there is not one problem per answer.
        CertificateError
            If the evidence for an answer does not prove its bound.
        """
        if len(problem) != self._size:
            raise ValueError(
                f"check needs one problem per answer, {self._size}, got {len(problem)}"
            )
        pairs = zip(self, problem, strict=True)
        return np.array([answer.check(one) for answer, one in pairs], dtype=np.float64)

    def __repr__(self) -> str:
        answers = "1 answer" if self._size == 1 else f"{self._size} answers"
        return f"{type(self).__name__}({answers})"


def shown(number: float) -> str:
    """Return a number for people to read: ints with all digits, floats with nine."""
    return str(number) if isinstance(number, int) else f"{number:.9g}"


def gap(value: float, lower_bound: float) -> float:
    """Return ``value - lower_bound``, at least 0; 0 if both are the same infinity."""
    return 0.0 if value == lower_bound else max(0.0, value - lower_bound)


def round_up(bound: float, slack: float = 1e-3) -> float:
    """Round a lower bound on an integer up to the next integer; its error is at most `slack`."""
    return float(math.ceil(bound - max(slack, 1e-12 * abs(bound))))


HUGE = 2.0**20
"""Next to an input of so many times the value, sums lose 20 of their 53 bits."""
