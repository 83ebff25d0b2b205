"""Options that many solvers share: their wording, `time_limit`, `verbose`, and unknown ones.

A docstring names an option by a line ``%(tol)s`` in its Parameters section, and `documented`
replaces the line by the shared wording. Defaults are taken from the signature, so that they cannot
disagree with it. Other parts of docstrings are shared in the same way. `documented_like` completes
methods that many classes define: their Parameters and Returns are written once, in the base class.

Solvers make a `Deadline` of the option `time_limit`. Those with the option `verbose` have the
decorator `reported`. Whatever runs below them calls `stage` or `iteration`, which take almost no
time if `verbose` is off; `subopt._base.report`, which is loaded only if it is on, writes the lines.
Work on several threads is silent (`in_order`); the caller reports its results, so that the lines do
not depend on the number of threads.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from subopt._base.report import Report

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])
Wording = Mapping[str, tuple[str, str] | str]
"""For a parameter its type and its text, for any other part of a docstring the part."""

OPTIONS: Wording = {  # "x_raises" is for the option x of functions that raise; "x_of_solvers" alike
    "F": (
        "SetFunction",
        "Submodular. If F can only be evaluated, ValueError is raised where the values that are\n"
        "computed show that it is not; `subopt.testing.assert_submodular` tests more sets.",
    ),
    "time_limit_raises": (
        "float",
        "Seconds after which RuntimeError is raised; None sets no limit.",
    ),
    "tol": (
        "float",
        "Stop when ``value - lower_bound <= tol``, in the units of the objective. 0 asks for the\n"
        "exact minimum, up to the rounding of the value itself.",
    ),
    "max_iter": ("int", "Largest number of iterations."),
    "max_nodes": ("int", "Largest number of nodes of the search tree; None sets no limit."),
    "start": (
        "boolean mask (n,) or iterable of int",
        "The set to begin with. None stands for the empty set.",
    ),
    "time_limit": (
        "float",
        "Seconds after which the best answer so far is returned, with status TIME_LIMIT. 0\n"
        "returns the first answer at hand; None sets no limit.",
    ),
    "rng": (
        "numpy.random.Generator or int",
        "Source of randomness, or a seed for one. None draws a seed from the operating system.",
    ),
    "size": (
        "int or (int, int)",
        "The number of elements of a set, or the smallest and the largest number. In a pair, None\n"
        "stands for no limit.",
    ),
    "include": ("boolean mask (n,) or iterable of int", "Elements that the set has to have."),
    "exclude": ("boolean mask (n,) or iterable of int", "Elements that the set must not have."),
    "constraints": (
        "list of Budget and Groups",
        "All of them have to hold. If no set satisfies all constraints, ValueError says which are\n"
        "in conflict and by how much.",
    ),
    "threads": (
        "int",
        "Number of threads. None uses one per available core. Answers do not depend on it.",
    ),
    "threads_of_solvers": (
        "int",
        "Number of threads. None uses one per available core, but only one for functions of your\n"
        "own, which may not allow calls from several threads, and for differences where one is\n"
        "faster. Answers do not depend on it.",
    ),
    "executor": (
        "object with ``submit``",
        "Where the work is done instead of in threads of this process: an executor of\n"
        "`concurrent.futures`, a `dask.distributed.Client`, or anything like them. Answers do not\n"
        "depend on it.",
    ),
    "verbose": (
        "bool",
        'Whether to log a line per stage, at level INFO of the logger ``"subopt"``. Where logging\n'
        "is not set up, the lines go to stderr.",
    ),
    "callback": (
        "callable",
        "Called with the best answer so far after each iteration, at least once; its status is\n"
        "RUNNING while the run goes on. If it raises StopIteration, the best answer so far is\n"
        "returned with status INTERRUPTED, unless it is OPTIMAL. Other exceptions end the run.",
    ),
    "cut": """\
value : int or float
    Capacity of the cut around `source_side`. An int if the capacities are ints, and then exact.
    Infinite if `time_limit` ended the search before a finite cut was found.
lower_bound : int or float
    A lower bound on the capacity of every cut: the amount that flows from source to sink.
status : Status
    OPTIMAL, or TIME_LIMIT.
method : str
    The method that ran.""",
}

CONSTRAINTS = ("size", "include", "exclude", "constraints")
"""The options that say which sets are feasible."""

_KIND = re.compile("_(raises|of_solvers)$")
_LINE = re.compile(r"^([ ]*)%\((\w+)\)s$", re.MULTILINE)
_SECTION = re.compile(r"^(Parameters|Returns|Raises)\n-+$", re.MULTILINE)


def documented(function: F) -> F:
    """Put the shared wording of options into a docstring, in place of lines ``%(name)s``."""
    return _filled(function, OPTIONS)


def documented_with(wording: Wording) -> Callable[[F], F]:
    """Return a `documented` with wording that only one wing has."""
    return lambda function: _filled(function, {**OPTIONS, **wording})


def _filled(function: F, options: Wording) -> F:
    if function.__doc__ is None:  # python -OO
        return function
    parameters = inspect.signature(function).parameters

    def wording(match: re.Match[str]) -> str:
        indent, name = match.groups()
        part = options[name]
        if not isinstance(part, str):
            kind, text = part
            name = _KIND.sub("", name)
            default = parameters[name].default
            optional = ", optional" if default is None else f", default {default!r}"
            shown = "" if default is inspect.Parameter.empty else optional
            part = "\n    ".join([f"{name} : {kind}{shown}", *text.split("\n")])
        return "\n".join(indent + line for line in part.split("\n"))

    function.__doc__ = _LINE.sub(wording, function.__doc__)
    return function


def documented_like(source: type) -> Callable[[C], C]:
    """Complete the docstrings of a class's methods by those of the methods that they override.

    A method whose docstring has no sections takes Parameters, Returns and what follows them from
    the method of the same name of `source`. The decorated class need not inherit from `source`.

    Parameters
    ----------
    source : type
        The class whose methods have complete docstrings.
    """

    def completed(cls: C) -> C:
        for name, method in vars(cls).items():
            if not inspect.isfunction(method) or not method.__doc__:
                continue
            own = inspect.cleandoc(method.__doc__)
            shared = inspect.getdoc(getattr(source, name, None)) or ""
            sections = _SECTION.search(shared)
            if sections is not None and _SECTION.search(own) is None:
                method.__doc__ = f"{own}\n\n{shared[sections.start() :]}\n"
        return cls

    return completed


@functools.cache
def names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the options of a solver: its parameters after the first, which is the problem."""
    return tuple(inspect.signature(function).parameters)[1:]


def require_known(what: str, allowed: Iterable[str], given: Iterable[str], hint: str = "") -> None:
    """Raise if an option is given that is not among those that are allowed.

    Parameters
    ----------
    what : str
        Who takes the options, for the message: ``"minimize of a SetFunction by 'sort'"``.
    allowed, given : iterable of str
    hint : str
        A way out, added to the message.
    """
    allowed = tuple(allowed)
    unknown = [name for name in given if name not in allowed]
    if unknown:
        takes = ", ".join(allowed) or "no options"
        raise TypeError(f"{what} takes {takes}; got {', '.join(unknown)}{hint}")


ALIASES = {
    "size": ("k", "max_size", "cardinality"),
    "rng": ("seed", "random_state"),
    "threads": ("n_jobs", "workers"),
    "time_limit": ("timeout",),
}
"""What other libraries call some options."""


def options_named(function: F) -> F:
    """Make a function, or ``__init__``, say which options it takes if it is given another one."""

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except TypeError as error:
            explain_unknown(function, given, error)
            raise

    return call  # type: ignore[return-value]


def explain_unknown(function: Callable[..., Any], given: Iterable[str], error: TypeError) -> None:
    """Raise a TypeError that names the options, if `error` is Python's own about an unknown one.

    Called where the call of the function is, in the clause that caught the error.
    """
    trace = error.__traceback__
    if trace is None or trace.tb_next is not None:
        return  # it comes from within the function
    parameters = inspect.signature(function).parameters.values()
    taken = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    what = function.__qualname__.removesuffix(".__init__")
    options = ", ".join(name for name in taken if name not in ("self", "cls"))
    for name in given:
        if name not in taken:
            meant = [o for o in taken if name in ALIASES.get(o, ())] or _like(name, taken)
            hint = f" Did you mean {meant[0]!r}?" if meant else ""
            raise TypeError(f"{what} has no option {name!r}.{hint} It has {options}.") from None


def _like(name: str, taken: list[str]) -> list[str]:
    from difflib import get_close_matches  # only errors need it

    return get_close_matches(name, taken, n=1)


_ending: ContextVar[Event | None] = ContextVar("_ending", default=None)


@contextmanager
def ending_with(event: Event) -> Iterator[None]:
    """Let all deadlines that are made in this block pass when an event is set."""
    token = _ending.set(event)
    try:
        yield
    finally:
        _ending.reset(token)


class Deadline:
    """The moment at which a solver is to stop.

    Parameters
    ----------
    time_limit : float or None
        Seconds from now. None means no limit; 0 means that the first answer at hand is returned.
    """

    def __init__(self, time_limit: Any = None) -> None:
        self._event = _ending.get()
        if time_limit is None or (isinstance(time_limit, float) and time_limit == math.inf):
            self._end = math.inf
        else:
            from subopt._base import validate

            self._end = time.monotonic() + validate.nonnegative("time_limit", time_limit)

    def left(self) -> float:
        """Return the seconds that are left, at least 0; infinity without a limit."""
        return 0.0 if self._ended() else max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() >= self._end or self._ended()

    def _ended(self) -> bool:
        return self._event is not None and self._event.is_set()

    def end(self) -> None:
        """Let the time be over now, for all who hold this deadline."""
        self._end = -math.inf

    def moved(self, seconds: float) -> Deadline:
        """Return the moment some seconds later, or earlier if they are negative."""
        other = Deadline()
        other._end, other._event = self._end + seconds, self._event
        return other


COMPILING = "compiling for this machine; later processes load the result"

_running: ContextVar[Report | None] = ContextVar("_running", default=None)


def reported(door: F) -> F:
    """Make a front door report its stages where it is called with ``verbose=True``.

    The door has a keyword ``verbose``, which only this decorator reads. Unknown options are refused
    by a message that lists the known ones. A door that is called by another one adds its lines to
    those of the outer run, if that is verbose.
    """
    door = options_named(door)

    @functools.wraps(door)
    def call(*args: Any, **options: Any) -> Any:
        verbose = options.get("verbose", False)
        if not isinstance(verbose, bool):
            raise TypeError(f"verbose needs True or False, got {verbose!r}")
        if (outer := _running.get()) is not None:
            answer = door(*args, **options)
            outer.ends(door, answer)
            return answer
        if not verbose:
            return door(*args, **options)
        from subopt._base.report import Report

        run = Report()
        token = _running.set(run)
        try:
            with run.compiling(COMPILING):
                run.begins(door, args)
                answer = door(*args, **options)
            run.ends(door, answer)
        finally:
            _running.reset(token)
        return answer

    return call  # type: ignore[return-value]


def stage(text: str, *values: object) -> None:
    """Log a stage of the run, as ``text % values``, if the run is verbose."""
    if (run := _running.get()) is not None:
        run.say(text % values if values else text)


def iteration(k: int, what: str, text: str, *values: object) -> None:
    """Log the state after k steps, ``what`` in the plural, if k is a power of two."""
    if _running.get() is not None and k > 0 and k & (k - 1) == 0:
        stage(f"{k} {what if k > 1 else what.removesuffix('s')}: {text}", *values)


def is_verbose() -> bool:
    """Return whether lines would be logged, for what takes time to say."""
    return _running.get() is not None


@contextmanager
def silent() -> Iterator[None]:
    """Log nothing in this block."""
    token = _running.set(None)
    try:
        yield
    finally:
        _running.reset(token)
