"""A plugin for networkx's own tests: count what the backend did and why it refused other calls.

At the end it prints the calls of each function and the refusals as JSON.
"""

import collections
import functools
import json

CALLS = collections.Counter()
REFUSALS = collections.Counter()


def pytest_configure():
    from subopt.compat.networkx import backend
    from subopt.compat.networkx.info import FUNCTIONS

    def counted(name, function):
        @functools.wraps(function)  # networkx and `can_run` look at its signature
        def call(*args, **kwargs):
            CALLS[name] += 1
            return function(*args, **kwargs)

        return call

    can_run = backend.can_run

    def asked(name, args, kwargs):
        answer = can_run(name, args, kwargs)
        if answer is not True:
            REFUSALS[f"{name}: {answer}"] += 1
        return answer

    for name in FUNCTIONS:
        setattr(backend, name, counted(name, getattr(backend, name)))
    backend.can_run = asked


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("CALLS " + json.dumps(CALLS))
    terminalreporter.write_line("REFUSALS " + json.dumps(REFUSALS))
