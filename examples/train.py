"""Train a network with Co-Mixup, one of its baselines, or none, and evaluate it.

    python examples/train.py DATA OUT [--mixer comixup] [--arch preactresnet18] [--epochs 300] ...

DATA is a .npz file, a CIFAR folder, a folder of images, or torchvision:NAME:ROOT, see load_data.py.
Keras' mnist.npz, whose gray images have no channel axis, needs --layout BHW.
OUT gets settings, a checkpoint after every epoch, log.csv, and result.json when all is done. After
an interruption the same command continues; on a CPU, and with the same number of threads, the
weights are those of a run without one, bit by bit.

The defaults follow the published training on CIFAR-100. Data and network stay on one device.
"""

import contextlib
import copy
import functools
import math
import os
import sys
import time
from pathlib import Path
from statistics import fmean, median

import numpy as np
import torch
from augment import augment
from clocks import MixerClock, plain_step
from command_line import check, make_mixer, parser, per_axis, settings_of
from evaluation import evaluated, test_error
from hidden_layers import HiddenLayers
from load_data import load
from networks import network
from run_folder import RunFolder
from saliency_kinds import SALIENCY
from torch.nn import functional

from comixup.cli.dataset import UsageError
from comixup.torch import training_step

DIVERGED = (
    "the loss is not finite any more; what was saved before is kept. Try a smaller --lr in another "
    "folder."
)


def learning_rate(options, progress):
    """Return the rate after a part of the training: a tenth after each third, or a half cosine."""
    if options.schedule == "cosine":
        return options.lr * (1 + math.cos(math.pi * progress)) / 2
    return options.lr * 0.1 ** int(3 * progress + 1e-9)


class Training:
    """Model, optimizer and data; the order and all draws of an epoch follow from its number."""

    def __init__(self, options, data):
        self.options, self.data = options, data
        try:
            self.device = torch.empty(0, device=options.device).device
        except (RuntimeError, AssertionError) as error:
            raise UsageError(f"--device {options.device}: {error}".partition("\n")[0]) from error
        torch.manual_seed(options.seed)
        channels, *spatial = data.x_train.shape[1:]
        d = len(spatial)
        self.crop = per_axis("--crop", options.crop, d)
        self.amp = None if options.amp is None else getattr(torch, options.amp)
        model = network(options.arch, len(data.names), channels=channels, dimensions=d)
        if d == 2:
            model = model.to(memory_format=torch.channels_last)
        self.model = model.to(self.device)
        self.mix = make_mixer(options, self.model, channels, d)
        parameters = list(self.model.parameters())
        if self.mix.learns:
            parameters += self.mix.to(self.device).parameters()
        self.mixer_clock = MixerClock(self.mix)
        self.saliency = SALIENCY[options.saliency or "gradient"](self)
        self.hidden = HiddenLayers(options, self.model) if options.mixer == "manifold" else None
        self.optimizer = torch.optim.SGD(
            parameters,
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
        if (len(self.x) % options.batch or options.batch) == 1:
            self._require_one_is_enough()
        self.history = []

    def _require_one_is_enough(self):
        """Refuse, before anything is written, a network that cannot train on a single image."""
        try:
            with torch.no_grad():
                copy.deepcopy(self.model)(self.prepare(self.x[:1]))
        except ValueError as error:  # of batch normalization: one number has no variance
            raise UsageError(
                f"--batch {self.options.batch} of {len(self.x)} images leaves a batch of one, and "
                f"that cannot be normalized here ({error}). Choose another --batch."
            ) from error

    def prepare(self, images):
        """Return images as the network gets them: each channel of mean 0 and variance 1."""
        images = (images.to(self.device).float() - self.mean) / self.std
        return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images

    @property
    def steps(self):
        """Number of steps in an epoch."""
        return math.ceil(len(self.x) / self.options.batch)

    def epoch(self, number, tick):
        """Train for one epoch, call `tick` after each step, and add a row to the history."""
        options, n = self.options, len(self.x)
        rng = np.random.default_rng((options.seed, number))
        order = torch.from_numpy(rng.permutation(n)).to(self.device)
        losses, mixing = torch.zeros(4, device=self.device), np.zeros(2)
        plain = self._plain_step(order[: options.batch]) * self.steps
        self.model.train()
        self.mixer_clock.take()
        wall, cpu = time.perf_counter(), time.process_time()
        self.saliency.begin(number)
        for i, rows in enumerate(order.split(options.batch)):
            rate = learning_rate(options, (number + i / self.steps) / options.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            again = copy.deepcopy(rng)
            images = augment(self.x[rows], rng, crop=self.crop, flip=options.flip)
            maps = self.saliency.of_batch(rows, again)
            step = self._step(images, self.y[rows], maps, number * self.steps + i)
            parts = [step.loss, step.clean_loss, step.mixed_loss, step.mixer_loss]
            losses += torch.stack(parts) * (len(rows) / n)
            energies = step.plan.energies if options.mixer == "comixup" else np.nan
            mixing += np.array([step.plan.n_sources.mean(), np.mean(energies)]) * len(rows) / n
            tick()
        if not torch.isfinite(losses).all():
            raise UsageError(DIVERGED)
        row = {"epoch": number + 1, "lr": rate}
        names = ("loss", "clean_loss", "mixed_loss", "mixer_loss")
        row |= dict(zip(names, losses.tolist(), strict=True))
        row["sources"], row["energy"] = (None if np.isnan(v) else float(v) for v in mixing)
        row["seconds"] = time.perf_counter() - wall
        row["cpu_seconds"] = time.process_time() - cpu
        row["mixer_seconds"] = self.mixer_clock.take()
        row["plain_seconds"] = plain
        last = number + 1 == options.epochs
        look = last or (number + 1) % options.eval_every == 0
        row["test_error"] = test_error(self.model, self.data, self.prepare) if look else None
        self.history.append(row)

    def _plain_step(self, rows):
        """Return the CPU seconds of a step without any mixing."""

        def work(images):
            with torch.autocast(images.device.type, self.amp, enabled=self.amp is not None):
                logits = self.model(images)
            return functional.cross_entropy(logits.float(), self.y[rows])

        return plain_step(self.model, self.prepare(self.x[rows]), work)

    def _step(self, images, labels, saliency, number):
        images = self.prepare(images)
        weight = 1.0 if self.options.clean_weight is None else self.options.clean_weight
        step = training_step if self.hidden is None else self.hidden.training_step
        try:
            result = step(
                self.model,
                images,
                labels,
                self.mix,
                loss=self.options.loss,
                clean_weight=weight,
                saliency=saliency,
                step=number,
                amp=self.amp,
            )
        except RuntimeError as error:  # so PyTorch says that a probability is not a number
            with torch.no_grad():
                if self.model(images).isfinite().all():
                    raise
            raise UsageError(DIVERGED) from error
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.saliency.follow()
        return result

    def state(self):
        """Return all that is needed to go on."""
        on_device = self.device.type == "cuda"
        return {
            "history": self.history,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mixer": self.mix.state_dict() if self.mix.learns else None,
            "saliency": self.saliency.state(),
            "rng": torch.get_rng_state(),
            "device_rng": torch.cuda.get_rng_state(self.device) if on_device else None,
        }

    def restore(self, state):
        """Go on from a state."""
        self.history = state["history"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.mix.learns:
            self.mix.load_state_dict(state["mixer"])
        self.saliency.restore(state["saliency"])
        torch.set_rng_state(state["rng"].cpu())
        if self.device.type == "cuda" and state["device_rng"] is not None:
            torch.cuda.set_rng_state(state["device_rng"].cpu(), self.device)

    def result(self):
        """Return the evaluation and what it cost."""
        found = evaluated(self.model, self.data, self.prepare, self.options.seed)
        for name in ("seconds", "cpu_seconds", "mixer_seconds"):
            found[name] = sum(row[name] for row in self.history)
        plain = [row["plain_seconds"] for row in self.history]
        found["plain_seconds"] = len(plain) * median(plain)
        found["sources"] = fmean(row["sources"] for row in self.history)
        energies = [row["energy"] for row in self.history if row["energy"] is not None]
        if energies:
            found["energy"] = fmean(energies)
        return found


def train(options, training, folder):
    """Train to the end, from where the folder has got to, and return the result."""
    state = folder.load(training.device)
    if state is not None:
        training.restore(state)
    done = len(training.history)
    tick, say = _progress(options, training.steps, done)
    with _events(options, folder.path / "tensorboard", done) as write:
        for number in range(done, options.epochs):
            training.epoch(number, tick)
            row = training.history[-1]
            write(row)  # before the epoch counts as done: what is written twice, is purged
            folder.save(training.state())
            error = "" if row["test_error"] is None else f", test error {row['test_error']:.4f}"
            say(f"epoch {row['epoch']}: loss {row['loss']:.4f}{error}")
    result = training.result()
    folder.finish(result)
    return result


@contextlib.contextmanager
def _events(options, path, done):
    """Give what to call with a row of the history, for TensorBoard; later epochs are forgotten."""
    if not options.tensorboard:
        yield lambda row: None
        return
    log = _summary_writer()(path, purge_step=done + 1)

    def write(row):
        for name, value in row.items():
            if value is not None:
                log.add_scalar(name, value, row["epoch"])
        log.flush()

    try:
        yield write
    finally:
        log.close()


def _progress(options, steps, done):
    """Return what to call after each step, and what to call with a line for each epoch."""
    if options.quiet:
        return lambda: None, lambda line: None
    if sys.stderr.isatty():
        with contextlib.suppress(ImportError):
            from tqdm import tqdm

            bar = tqdm(total=steps * options.epochs, initial=steps * done, unit="step")
            return bar.update, bar.write
    return lambda: None, functools.partial(print, flush=True)


def _summary_writer():
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("--tensorboard needs tensorboard, which is not installed") from error
    return SummaryWriter


def main(arguments=None):
    """Run the command line and return its exit status."""
    command = parser(__doc__.partition("\n")[0])
    options = command.parse_args(arguments)
    check(options, command)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        data = load(options.data, options.layout).part(options.classes, options.per_class)
        settings = {**settings_of(options), "data_sha256": data.digest()}
        training = Training(options, data)
        if not options.quiet:
            print(data)
        if options.tensorboard:
            _summary_writer()  # or say now that it is missing
        with RunFolder(Path(options.out), settings) as folder:
            result = folder.result()
            if result is None:
                result = train(options, training, folder)
        if not options.quiet:
            numbers = {name: value for name, value in result.items() if np.isscalar(value)}
            print(*(f"{name:26s} {value:.4f}" for name, value in numbers.items()), sep="\n")
        sys.stdout.flush()  # or a pipe that is closed would show after we are gone
    except BrokenPipeError:
        _give_up_printing()
        return 141  # what a shell makes of SIGPIPE
    except (UsageError, OSError) as error:  # OSError: no permission, no space
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return 130
    return 0


def _give_up_printing():
    """Say, if anybody listens, that nobody does; what is left in the buffer goes nowhere."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with contextlib.suppress(OSError):
        print("nobody reads the output any more; the same command continues", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
