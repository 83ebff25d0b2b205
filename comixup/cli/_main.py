"""The commands `comixup demo` and `comixup mix`: arguments and printed output."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from comixup._base.optional import require
from comixup.cli import dataset, demo, folder, report, results, workers, workspace
from comixup.cli.compiling import announced
from comixup.cli.files import MAX_PIXELS, common_size
from comixup.mixers.comixup import EFFORTS, CoMixup
from comixup.plans.base import LABELS_BY
from comixup.saliency import METHODS
from subopt import __version__
from subopt.compiling import available_cores

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
DEFAULT_SIZE = (224, 224)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 for success, 1 if the work failed, 2 for wrong arguments, 130 if interrupted.
    """
    options = _parser().parse_args(argv)
    try:
        if options.command == "demo":
            return _demo(options)
        with warnings.catch_warnings():
            # Pillow warns of huge images and odd metadata; our messages name the file instead.
            warnings.simplefilter("ignore")
            return _mix(options)
    except (dataset.UsageError, FileExistsError) as error:
        _tell(f"comixup: {error}")
        return USAGE
    except (folder.MixFailed, workers.WorkersLost, ImportError) as error:
        _tell(f"comixup: {error}")
        return FAILED
    except OSError as error:
        _tell(f"comixup: {error}.{_resume(options)}")
        return FAILED
    except KeyboardInterrupt:
        _tell(f"comixup: interrupted.{_resume(options)}")
        return INTERRUPTED


def _resume(options: argparse.Namespace) -> str:
    """Say how a run goes on that was interrupted, if it had begun."""
    # unlike Path.exists, it raises nothing for names that no file can have
    begun = options.command == "mix" and os.path.exists(Path(options.output) / workspace.PARTIAL)
    return " Run the same command again to continue." if begun else ""


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _demo(options: argparse.Namespace) -> int:
    out = Path(options.out)
    if out.suffix.lower() != ".png":
        raise dataset.UsageError(f"--out writes a PNG: name it {out.with_suffix('.png').name}")
    if not out.parent.is_dir():
        raise dataset.UsageError(f"{out.parent} is not a folder, so {out} cannot be written")
    if not os.access(out.parent, os.W_OK):
        raise dataset.UsageError(
            f"the folder {out.parent.resolve()} cannot be written: name another --out"
        )
    existed = out.exists()
    if not options.force:
        demo.require_replaceable(out)
    mixer = _mixer(options, channels="last", zero_saliency="uniform", group_size=20)
    with announced(_tell):
        demo.run(mixer, options.saliency, out, print)
    print(f"\n{'Replaced' if existed else 'Wrote'} {out}")
    return OK


def _mix(options: argparse.Namespace) -> int:
    source, output = Path(options.input), Path(options.output)
    inner, outer = output.resolve(), source.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise dataset.UsageError(
            f"{output} and {source} are within each other: mixed images would be taken for inputs. "
            "Choose an output folder elsewhere."
        )
    require("PIL.Image", "comixup mix")
    labels = options.labels
    data = dataset.from_csv(source, Path(labels)) if labels else dataset.from_subfolders(source)
    if options.metadata and "file_name" in data.classes:
        raise dataset.UsageError(
            "the class 'file_name' would collide with a column of metadata.csv: rename it"
        )
    if options.strict and data.skipped:
        file, reason = data.skipped[0]
        raise folder.MixFailed(f"{file}: {reason}. Stopped, as --strict says.")
    job = _job(options, data, output)
    with workspace.only_run(output):
        state = workspace.prepare(output, job.manifest(), force=options.force)
        if state == "complete":
            print(f"{output} is complete already; nothing to mix.")
            _show(options, output)
            return OK
        for message in data.messages:
            _tell(message)
        for file, reason in data.skipped:
            _tell(f"{file}: {reason}; skipped")
        h, w = job.size
        print(f"{len(data.files)} files, {len(data.classes)} classes, mixed at {h}x{w} ({state})")
        try:
            with announced(_say), workers.of(options.jobs, options.dask) as executor:
                done = folder.run(job, _say, _progress, executor)
        except MemoryError:
            raise folder.MixFailed(
                f"not enough memory for groups of {options.group} images of {h}x{w}: use a smaller "
                "--size or --group"
            ) from None
        _show(options, output)
    skipped = len(data.files) + len(data.skipped) - done.n
    notes = [f"{skipped} skipped"] if skipped else []
    if done.blank:
        notes.append(f"{done.blank} blank, mixed as if equally salient everywhere")
    if done.alone:
        why = "--group 1 mixes nothing" if options.group == 1 else "their group has no other image"
        notes.append(f"{done.alone} not mixed: {why}")
    if done.unused:
        notes.append(f"{done.unused} appear in no mixed image: others of their group replaced them")
    print("; ".join([f"Wrote {done.n} mixed images to {output}", *notes]))
    return OK


def _show(options: argparse.Namespace, output: Path) -> None:
    """Write what was asked for beside the results."""
    if options.metadata:
        print(f"Wrote {results.write_metadata(output)}")
    if options.report:
        print(f"Wrote {report.write_report(output)}")
    if options.contact_sheet:
        print(f"Wrote {report.write_contact_sheet(output)}")


def _job(options: argparse.Namespace, data: dataset.Dataset, output: Path) -> folder.Job:
    mixer = _mixer(options, channels="last", zero_saliency="uniform", group_size=options.group)
    job = folder.Job(
        dataset=data,
        output=output,
        mixer=mixer,
        seed=options.seed,
        saliency=options.saliency,
        size=options.size or DEFAULT_SIZE,
        fit=options.fit,
        format=options.format,
        shuffle=not options.no_shuffle,
        threads=options.threads or (1 if _elsewhere(options) else available_cores()),
        strict=options.strict,
    )
    if options.size is None:
        paths = [data.folder / data.files[i] for i in job.order()[:256]]
        job = folder.Job(**{**vars(job), "size": common_size(paths, DEFAULT_SIZE)})
    grid = (mixer.grid,) * 2 if isinstance(mixer.grid, int) else tuple(mixer.grid)
    if any(s < g for s, g in zip(job.size, grid, strict=True)):
        raise dataset.UsageError(
            f"a grid of {grid[0]}x{grid[1]} patches needs images of at least as many pixels, but "
            f"they are mixed at {job.size[0]}x{job.size[1]}. Use a smaller --grid or a larger "
            "--size."
        )
    return job


def _elsewhere(options: argparse.Namespace) -> bool:
    """Return whether other processes mix."""
    return getattr(options, "jobs", None) is not None or getattr(options, "dask", None) is not None


def _mixer(options: argparse.Namespace, **fixed: Any) -> CoMixup:
    chosen: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("grid", "smoothness", "coupling", "threshold", "levels", "effort", "seed",
                     "threads", "labels_by")
        if hasattr(options, name)
    }  # fmt: skip
    if chosen["threads"] is None and _elsewhere(options):
        chosen["threads"] = 1
    try:
        return CoMixup(**chosen, **fixed)
    except (ValueError, TypeError) as error:
        raise dataset.UsageError(str(error)) from error


def _say(text: str) -> None:
    # Through tqdm, which lifts the progress bar out of the way.
    require("tqdm", "comixup mix").tqdm.write(text, file=sys.stderr)


def _progress(groups: Iterable[int], total: int, done: int) -> Iterable[int]:
    bar = require("tqdm", "comixup mix").tqdm
    return bar(groups, total=total, initial=done, unit="group", file=sys.stderr, disable=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="comixup", description="Co-Mixup: mix images, keeping what is salient in each."
    )
    parser.add_argument("--version", action="version", version=f"comixup {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo|mix")
    show = commands.add_parser("demo", help="mix bundled photographs and draw the result")
    show.add_argument(
        "--out", type=_path, default="comixup-demo.png", help="PNG to write (%(default)s)"
    )
    show.add_argument("--force", action="store_true", help="replace --out whatever it is")
    # under the published threshold, 0.83, two outputs of so small a group may be the same for free
    _add_mixing(show, smoothness=0.32, threshold=0.7, levels=1, saliency="contrast")
    mix = commands.add_parser(
        "mix",
        help="mix a folder of images",
        description="Mix a folder of images. Writes OUTPUT/images, labels.csv (soft labels), "
        "inputs.csv and plan.npz; labels.csv comes last. An interrupted run continues when the "
        "same command is given again.",
        epilog="exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted",
    )
    mix.add_argument(
        "input", type=_path, metavar="INPUT_DIR", help="folder with one subfolder per class"
    )
    mix.add_argument("output", type=_path, metavar="OUTPUT_DIR", help="new or empty folder")
    mix.add_argument("--labels", type=_path, metavar="CSV",
                     help="table of files and labels; no subfolders")  # fmt: skip
    mix.add_argument("--labels-by", choices=LABELS_BY, default="area",
                     help="weight of a label: the area of its image, the part of its saliency "
                     "that is visible, or 1 if any part is visible (%(default)s)")  # fmt: skip
    mix.add_argument("--group", "--group-size", type=_count, default=20, metavar="N",
                     help="images per group (%(default)s)")  # fmt: skip
    mix.add_argument("--size", type=_size, metavar="HxW",
                     help="size to mix at (that of most images, else 224x224)")  # fmt: skip
    mix.add_argument("--fit", choices=("crop", "stretch"), default="crop",
                     help="for images of another shape (%(default)s)")  # fmt: skip
    mix.add_argument("--format", choices=("png", "jpg"), default="png", help="(%(default)s)")
    mix.add_argument("--no-shuffle", action="store_true",
                     help="group files in the order of their names, not at random")  # fmt: skip
    mix.add_argument("--strict", action="store_true", help="stop at the first file that is skipped")
    mix.add_argument("--force", action="store_true", help="remove an earlier run's output first")
    where = mix.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_count, metavar="N",
                       help="mix on N processes, with one thread each by default")  # fmt: skip
    where.add_argument("--dask", metavar="ADDRESS",
                       help="mix on a dask cluster whose workers see both folders")  # fmt: skip
    mix.add_argument("--metadata", action="store_true",
                     help="write images/metadata.csv, for Hugging Face datasets")  # fmt: skip
    mix.add_argument("--report", action="store_true",
                     help="write report.html: pictures, shares, what was skipped")  # fmt: skip
    mix.add_argument("--contact-sheet", action="store_true",
                     help="write contact-sheet.png: the first hundred mixed images")  # fmt: skip
    _add_mixing(mix, smoothness=0.32, threshold=0.83, levels=2, saliency="spectral")
    return parser


def _add_mixing(
    parser: argparse.ArgumentParser,
    smoothness: float,
    threshold: float,
    levels: int,
    saliency: str,
) -> None:
    add = parser.add_argument
    add("--grid", type=_grid, default=4, metavar="N|HxW", help="patches (%(default)s)")
    add("--saliency", choices=tuple(METHODS), default=saliency, help="(%(default)s)")
    add("--effort", choices=EFFORTS, default="default", help="of the solver (%(default)s)")
    add("--seed", type=_seed, default=0, help="(%(default)s)")
    add("--threads", type=_count, help="as many as there are cores by default")
    add("--smoothness", type=float, default=smoothness, help="beta (%(default)s)")
    add("--coupling", type=float, default=1.0, help="gamma (%(default)s)")
    add("--threshold", type=float, default=threshold, help="tau (%(default)s)")
    add("--levels", type=int, choices=(1, 2), default=levels,
        help="1: one image per patch, 2: or half of each of two (%(default)s)")  # fmt: skip


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"needs a path, got {text!r}")
    return text


def _count(text: str) -> int:
    value = int(text) if re.fullmatch(r"\d+", text) else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"needs a whole number >= 1, got {text!r}")
    return value


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"needs a whole number >= 0, got {text!r}")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(size) < 1:
        raise argparse.ArgumentTypeError(f"needs HEIGHTxWIDTH, e.g. 224x224, got {text!r}")
    if size[0] * size[1] > MAX_PIXELS:
        raise argparse.ArgumentTypeError(f"needs at most {MAX_PIXELS} pixels, got {text!r}")
    return size


def _grid(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    grid = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(grid) < 1:
        raise argparse.ArgumentTypeError(f"needs N or ROWSxCOLUMNS, e.g. 4 or 4x6, got {text!r}")
    return grid
