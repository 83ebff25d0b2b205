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
    """Draw 1000 new examples per law."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs, env={"HYPOTHESIS_PROFILE": "deep"})


@nox.session
def fresh(session):
    """Draw new examples; without this, tests draw the same ones every time."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs, env={"HYPOTHESIS_PROFILE": "fresh"})


@nox.session(venv_backend="uv")
def lowest(session):
    """Compile everything, and run a slice of the tests, with the lowest versions declared."""
    session.install("--resolution", "lowest-direct", ".[test]")
    session.run(".ci/slice", "python", external=True)


@nox.session
def docs(session):
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "-b", "html", "docs", "docs/_build/html")


@nox.session
def compiling(session):
    """Print what the first calls cost, and hold their budget of statements."""
    session.install(".[bench]")
    session.run("python", "benchmarks/first_calls.py", "--check", *session.posargs)


@nox.session
def bench(session):
    session.install(".[bench]")
    session.run("python", "benchmarks/coupled_labeling.py", *session.posargs)
