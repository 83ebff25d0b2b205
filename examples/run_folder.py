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

from comixup.atomic import write_bytes, write_file
from comixup.dataset import UsageError

SETTINGS, CHECKPOINT, LOG, RESULT = "settings.json", "checkpoint.pt", "log.csv", "result.json"


class RunFolder:
    """A folder for one run, fresh or to be continued; a context that locks it."""

    def __init__(self, path, settings):
        self.path = path
        self._lock = None
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file, not a folder")
        if path.is_dir() and any(path.iterdir()):
            self._require_same(settings)
        else:
            path.mkdir(parents=True, exist_ok=True)
            self._write_json(SETTINGS, settings)

    def __enter__(self):
        with contextlib.suppress(ImportError):  # where there is no fcntl, there is no lock
            import fcntl

            self._lock = os.open(self.path / SETTINGS, os.O_RDONLY)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(self._lock)
                raise UsageError(f"{self.path} is in use by another process") from error
        return self

    def __exit__(self, kind, error, trace):
        if self._lock is not None:
            os.close(self._lock)

    def _require_same(self, settings):
        path = self.path / SETTINGS
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(
                f"{self.path} is not empty, and holds no run. Choose another folder."
            ) from None
        except ValueError as error:
            raise UsageError(f"{path} is damaged ({error}). Choose another folder.") from error
        wanted = json.loads(json.dumps(settings))
        keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
        if keys:
            changes = "; ".join(
                f"{key} was {found.get(key)!r}, now {wanted.get(key)!r}" for key in keys[:3]
            )
            raise UsageError(
                f"{self.path} holds a run with other settings ({changes}). Choose another folder, "
                "or use the same settings to continue."
            )

    def result(self):
        """Return the result if the run is complete, else None."""
        path = self.path / RESULT
        return json.loads(path.read_bytes()) if path.exists() else None

    def load(self, device):
        """Return the last checkpoint, or None before the first epoch has ended."""
        path = self.path / CHECKPOINT
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # torch raises what the damage leads to
            raise UsageError(
                f"{path} cannot be read: {type(error).__name__}. Nothing was changed; remove that "
                "file to begin again."
            ) from error

    def save(self, state):
        """Replace the checkpoint, then the log."""
        write_file(self.path / CHECKPOINT, lambda file: torch.save(state, file), overwrite=True)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(state["history"][0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(state["history"])
        write_bytes(self.path / LOG, text.getvalue().encode())

    def finish(self, result):
        """Write the result, which makes the run complete."""
        self._write_json(RESULT, result)

    def _write_json(self, name, content):
        write_bytes(self.path / name, (json.dumps(content, indent=2) + "\n").encode())
