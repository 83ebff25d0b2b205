"""Sessions for development: `nox` runs the first five."""

import nox

nox.options.sessions = ["lint", "types", "tests", "nojit", "docs"]


@nox.session
def lint(session):
    session.install("ruff>=0.17")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session):
    session.install(".[dev]")
    session.run("mypy")


@nox.session
def tests(session):
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def nojit(session):
    session.install(".[dev]")
    env = {"NUMBA_DISABLE_JIT": "1", "HYPOTHESIS_PROFILE": "nojit"}
    session.run("coverage", "run", "-m", "pytest", *session.posargs, env=env)
    session.run("coverage", "report", "--skip-covered")


@nox.session
def deep(session):
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs, env={"HYPOTHESIS_PROFILE": "deep"})


@nox.session
def docs(session):
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session):
    session.install(".[bench]")
    session.run("python", "benchmarks/coupled_labeling.py", *session.posargs)
