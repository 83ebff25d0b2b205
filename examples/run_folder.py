"""The folder of a run: settings, a checkpoint after every epoch, a log, and the result at the end.

    settings.json    what determines the result; written first
    checkpoint.pt    model, optimizer, random numbers and history; replaced as a whole
    log.csv          the history, a line an epoch
    result.json      written last: *complete means that it is there*

Every file appears under its name when it is complete. A folder is used again only for the same
settings, and by one process at a time.
"""

import contextlib
import csv
import io
import json
import os

import torch

from comixup._base.atomic import write_bytes, write_file
from comixup.cli.dataset import UsageError

SETTINGS, CHECKPOINT, LOG, RESULT = "settings.json", "checkpoint.pt", "log.csv", "result.json"


class RunFolder:
    """A folder for one run, fresh or to be continued; a context that locks it."""

    def __init__(self, path, settings):
        self.path = path
        self.settings = json.loads(json.dumps(settings))
        self._lock = None

    def __enter__(self):
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file, not a folder")
        found = [p.name for p in self.path.iterdir()] if self.path.is_dir() else []
        if SETTINGS not in found and any(not name.startswith(".") for name in found):
            raise UsageError(f"{self.path} is not empty, and holds no run. Choose another folder.")
        self.path.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._require_same()
            for left in self.path.glob(".*.tmp"):  # by a process that was killed in writing
                left.unlink()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._lock is not None:
            os.close(self._lock)

    def _take_lock(self):
        with contextlib.suppress(ImportError):  # where there is no fcntl, there is no lock
            import fcntl

            self._lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(self._lock)
                raise UsageError(f"{self.path} is in use by another process") from error

    def _require_same(self):
        if not any((self.path / name).exists() for name in (CHECKPOINT, RESULT)):
            self._write_json(SETTINGS, self.settings)  # no epoch has ended: nothing to continue
            return
        changes = changed(read_json(self.path / SETTINGS), self.settings)
        if changes:
            raise UsageError(
                f"{self.path} holds a run with other settings ({changes}). Choose another folder, "
                "or use the same settings to continue."
            )

    def result(self):
        """Return the result if the run is complete, else None."""
        path = self.path / RESULT
        return read_json(path) if path.exists() else None

    def load(self, device):
        """Return the last checkpoint, or None before an epoch has ended; complete the log."""
        path = self.path / CHECKPOINT
        if not path.exists():
            return None
        try:
            state = torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # torch raises what the damage leads to
            raise UsageError(
                f"{path} cannot be read: {type(error).__name__}. Nothing was changed; remove that "
                "file to begin again."
            ) from error
        self._write_log(state["history"])  # a process that was killed may have saved no more
        return state

    def save(self, state):
        """Replace the checkpoint, then the log."""
        write_file(self.path / CHECKPOINT, lambda file: torch.save(state, file), overwrite=True)
        self._write_log(state["history"])

    def _write_log(self, history):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_bytes(self.path / LOG, text.getvalue().encode())

    def finish(self, result):
        """Write the result, which makes the run complete."""
        self._write_json(RESULT, result)

    def _write_json(self, name, content):
        write_bytes(self.path / name, (json.dumps(content, indent=2) + "\n").encode())


def changed(found, wanted):
    """Return what differs between two settings in words, or nothing; what is missing is None."""
    keys = [k for k in {**found, **wanted} if found.get(k) != wanted.get(k)]
    return "; ".join(f"{k} was {found.get(k)!r}, now {wanted.get(k)!r}" for k in keys[:3])


def read_json(path):
    """Return an object of JSON, or say that the file is damaged."""
    try:
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError(f"no object but {type(found).__name__}")
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}). Choose another folder.") from error
    return found
