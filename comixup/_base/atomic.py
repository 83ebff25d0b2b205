"""Files that are written under a temporary name and then renamed, so that none is incomplete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write or replace a file of ours."""
    write_file(path, lambda file: file.write(data), overwrite=True)


def write_file(
    path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any], *, overwrite: bool
) -> None:
    """Call `write` with a file open for bytes, and give it the name `path` when that is done."""
    target = Path(path)
    if not overwrite and target.exists():
        raise FileExistsError(
            f"{target} exists already. Choose another name, or say overwrite=True to replace it."
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == os.fspath(temporary):
            # by the name that callers know
            raise OSError(error.errno, error.strerror, os.fspath(target)) from error
        raise
