"""Train a network with Co-Mixup, one of its baselines, or none, and evaluate it.

    python examples/train.py DATA OUT [--mixer comixup] [--arch preactresnet18] [--epochs 300] ...

DATA is a .npz file, a CIFAR folder, a folder of images, or torchvision:NAME:ROOT, see load_data.py.
OUT gets settings, a checkpoint after every epoch, log.csv, and result.json when all is done. After
an interruption the same command continues; on a CPU, and with the same number of threads, the
weights are those of a run without one, bit by bit.

The defaults are the published ones for CIFAR-100. Data and network stay on one device.
"""

import argparse
import math
import sys
import time
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from augment import augment
from evaluation import evaluated, test_error
from load_data import load
from networks import ARCHITECTURES, network
from run_folder import RunFolder

from comixup.dataset import UsageError
from comixup.torch import CoMixup, CutMix, InputMixup, PuzzleMix, training_step

MIXERS = {  # class, what is always said, our options and its names for them
    "none": (InputMixup, {"prob": 0.0}, {}),
    "input": (InputMixup, {}, {"alpha": "alpha", "prob": "prob"}),
    "cutmix": (CutMix, {}, {"alpha": "alpha", "prob": "prob"}),
    "puzzle": (
        PuzzleMix,
        {"zero_saliency": "uniform"},
        {"alpha": "alpha", "prob": "prob", "threads": "threads"},
    ),
    "comixup": (
        CoMixup,
        {"zero_saliency": "uniform"},
        {
            "grid": "grid",
            "group": "group_size",
            "effort": "effort",
            "solver": "mode",
            "prob": "prob",
            "threads": "threads",
        },
    ),
}
# what may differ when a run is continued; of data, the hash counts and not the path
NOT_SETTINGS = ("data", "out", "device", "threads", "quiet", "tensorboard")


def sizes(text):
    """Read 4 or 4x8."""
    return [int(part) for part in text.split("x")]


def parser():
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = result.add_argument
    add("data", help=".npz file, CIFAR folder, folder of images, or torchvision:NAME:ROOT")
    add("out", help="folder of this run; the same command continues it")
    add("--classes", type=int, help="use only the first classes")
    add("--per-class", type=int, help="use only the first training images of each class")
    add("--mixer", choices=tuple(MIXERS), default="comixup")
    add("--effort", choices=("fast", "default", "best"), help="of Co-Mixup's solver")
    add("--solver", choices=("search", "published"), help="of Co-Mixup: ours, or the published")
    add("--grid", type=sizes, help="patches of Co-Mixup along every axis, or along each: 4, 1x16")
    add("--group", type=int, help="images that Co-Mixup mixes with each other (20)")
    add("--alpha", type=float, help="of the Beta distribution of the other mixers (1)")
    add("--prob", type=float, help="probability with which a batch is mixed (1)")
    add("--arch", choices=tuple(ARCHITECTURES), default="preactresnet18")
    add("--epochs", type=int, default=300)
    add("--batch", type=int, default=100)
    add("--loss", choices=("bce", "ce"), default="bce", help="of the mixed images")
    add("--lr", type=float, default=0.2)
    add("--momentum", type=float, default=0.9)
    add("--weight-decay", type=float, default=1e-4)
    add("--schedule", choices=("step", "cosine"), default="step")
    add("--crop", type=sizes, default=[4], help="pixels of random shift: 4, or 0x2 for each axis")
    add("--flip", action=argparse.BooleanOptionalAction, default=True, help="flip at random")
    add("--seed", type=int, default=0)
    add("--eval-every", type=int, default=1, help="epochs between looks at the test error")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, help="threads of the CPU")
    add("--tensorboard", action="store_true", help="log to OUT/tensorboard as well")
    add("--quiet", action="store_true")
    return result


def check(options, command):
    """Refuse what makes no sense, before anything is read or written."""
    known = MIXERS[options.mixer][2]
    for name in ("effort", "solver", "grid", "group", "alpha", "prob"):
        if getattr(options, name) is not None and name not in known:
            command.error(f"--{name} is not for --mixer {options.mixer}")
    for name in ("epochs", "batch", "eval_every", "threads", "classes", "per_class"):
        value = getattr(options, name)
        if value is not None and value < 1:
            command.error(f"--{name.replace('_', '-')} needs an integer >= 1, got {value}")
    if not (options.lr > 0 and math.isfinite(options.lr)) or min(options.crop) < 0:
        command.error("--lr needs a number > 0, and --crop pixels >= 0")
    if options.seed < 0:
        command.error(f"--seed needs an integer >= 0, got {options.seed}")


def make_mixer(options, dimensions):
    """Return the mixer; all it draws is keyed by the seed and the number of the step."""
    kind, always, names = MIXERS[options.mixer]
    given = {theirs: getattr(options, ours) for ours, theirs in names.items()}
    given = {name: value for name, value in given.items() if value is not None}
    if "grid" in given:
        given["grid"] = _per_axis("--grid", given["grid"], dimensions)
    try:
        return kind(seed=options.seed, **always, **given)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _per_axis(name, values, dimensions):
    if len(values) not in (1, dimensions):
        raise UsageError(f"{name} needs one number or {dimensions}, got {len(values)}")
    return values * dimensions if len(values) == 1 else values


def learning_rate(options, progress):
    """Return the rate after a part of the training: a tenth after each third, or a half cosine."""
    if options.schedule == "cosine":
        return options.lr * (1 + math.cos(math.pi * progress)) / 2
    return options.lr * 0.1 ** int(3 * progress + 1e-9)


class Training:
    """Model, optimizer and data; the order and all draws of an epoch follow from its number."""

    def __init__(self, options, data):
        self.options, self.data = options, data
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        channels, *spatial = data.x_train.shape[1:]
        d = len(spatial)
        self.crop = _per_axis("--crop", options.crop, d)
        self.mix = make_mixer(options, d)
        model = network(options.arch, len(data.names), channels=channels, dimensions=d)
        if d == 2:
            model = model.to(memory_format=torch.channels_last)
        self.model = model.to(self.device)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=options.lr,
            momentum=options.momentum,
            nesterov=options.momentum > 0,
            weight_decay=options.weight_decay,
        )
        self.x = torch.from_numpy(data.x_train).to(self.device)
        self.y = torch.from_numpy(data.y_train).to(self.device)
        axes = (0, *range(2, 2 + d))
        shape = (1, channels, *(1,) * d)
        numbers = (
            data.x_train.mean(axis=axes, dtype=np.float64),
            data.x_train.std(axis=axes, dtype=np.float64) + 1e-12,
        )
        self.mean, self.std = (
            torch.tensor(n, dtype=torch.float32, device=self.device).reshape(shape) for n in numbers
        )
        try:  # whatever is wrong with the mixer shows here, before anything is written
            self.mix.mix(self.x[:2].float(), None, torch.ones(len(self.x[:2]), *spatial), step=0)
        except ValueError as error:
            raise UsageError(f"--mixer {options.mixer}: {error}") from error
        self.history = []

    def prepare(self, images):
        """Return images as the network gets them: each channel of mean 0 and variance 1."""
        images = (images.to(self.device).float() - self.mean) / self.std
        return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images

    def epoch(self, number):
        """Train for one epoch and add a row to the history."""
        options, n = self.options, len(self.x)
        wall, cpu = time.perf_counter(), time.process_time()
        rng = np.random.default_rng((options.seed, number))
        order = torch.from_numpy(rng.permutation(n)).to(self.device)
        steps = math.ceil(n / options.batch)
        losses, mixing = torch.zeros(3, device=self.device), np.zeros(2)
        self.model.train()
        for i, rows in enumerate(order.split(options.batch)):
            rate = learning_rate(options, (number + i / steps) / options.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            images = augment(self.x[rows], rng, crop=self.crop, flip=options.flip)
            step = training_step(
                self.model,
                self.prepare(images),
                self.y[rows],
                self.mix,
                loss=options.loss,
                step=number * steps + i,
            )
            self.optimizer.step()
            self.optimizer.zero_grad()
            parts = torch.stack([step.loss, step.clean_loss, step.mixed_loss])
            losses += parts * (len(rows) / n)
            energies = step.plan.energies if options.mixer == "comixup" else np.nan
            mixing += np.array([step.plan.n_sources.mean(), np.mean(energies)]) * len(rows) / n
        if not torch.isfinite(losses).all():
            raise UsageError(
                f"the loss is not finite in epoch {number + 1}; what was saved before is kept. Try "
                "a smaller --lr in another folder."
            )
        row = {"epoch": number + 1, "lr": rate}
        row |= dict(zip(("loss", "clean_loss", "mixed_loss"), losses.tolist(), strict=True))
        row["sources"], row["energy"] = (None if np.isnan(v) else float(v) for v in mixing)
        last = number + 1 == options.epochs
        look = last or (number + 1) % options.eval_every == 0
        row["test_error"] = test_error(self.model, self.data, self.prepare) if look else None
        row["seconds"] = time.perf_counter() - wall
        row["cpu_seconds"] = time.process_time() - cpu
        self.history.append(row)

    def state(self):
        """Return all that is needed to go on."""
        on_device = self.device.type == "cuda"
        return {
            "history": self.history,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "device_rng": torch.cuda.get_rng_state(self.device) if on_device else None,
        }

    def restore(self, state):
        """Go on from a state."""
        self.history = state["history"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"].cpu())
        if self.device.type == "cuda" and state["device_rng"] is not None:
            torch.cuda.set_rng_state(state["device_rng"].cpu(), self.device)

    def result(self):
        """Return the evaluation and what it cost."""
        found = evaluated(self.model, self.data, self.prepare, self.options.seed)
        for name, total in (("seconds", sum), ("cpu_seconds", sum), ("sources", fmean)):
            found[name] = total(row[name] for row in self.history)
        energies = [row["energy"] for row in self.history if row["energy"] is not None]
        if energies:
            found["energy"] = fmean(energies)
        return found


def train(options, training, folder):
    """Train to the end, from where the folder has got to, and return the result."""
    state = folder.load(training.device)
    if state is not None:
        training.restore(state)
    log = None
    if options.tensorboard:
        log = _summary_writer()(folder.path / "tensorboard", purge_step=len(training.history) + 1)
    for number in _progress(options, len(training.history)):
        training.epoch(number)
        folder.save(training.state())
        row = training.history[-1]
        if log is not None:
            for name, value in row.items():
                if value is not None:
                    log.add_scalar(name, value, row["epoch"])
        if not options.quiet:
            error = "" if row["test_error"] is None else f", test error {row['test_error']:.4f}"
            print(f"epoch {row['epoch']}: loss {row['loss']:.4f}{error}", flush=True)
    if log is not None:
        log.close()
    result = training.result()
    folder.finish(result)
    return result


def _progress(options, done):
    numbers = range(done, options.epochs)
    if options.quiet or not sys.stderr.isatty():
        return numbers
    try:
        from tqdm import tqdm
    except ImportError:
        return numbers
    return tqdm(numbers, initial=done, total=options.epochs, unit="epoch")


def _summary_writer():
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("--tensorboard needs tensorboard, which is not installed") from error
    return SummaryWriter


def main(arguments=None):
    """Run the command line and return its exit status."""
    command = parser()
    options = command.parse_args(arguments)
    check(options, command)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        data = load(options.data).part(options.classes, options.per_class)
        settings = {k: v for k, v in vars(options).items() if k not in NOT_SETTINGS}
        settings["data_sha256"] = data.digest()
        training = Training(options, data)
        if options.tensorboard:
            _summary_writer()  # or say now that it is missing
        with RunFolder(Path(options.out), settings) as folder:
            result = folder.result()
            if result is None:
                result = train(options, training, folder)
    except UsageError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return 130
    if not options.quiet:
        print(*(f"{name:26s} {value:.4f}" for name, value in result.items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
