"""The mixers of `comixup` on tensors: `CoMixup`, `PuzzleMix`, `InputMixup`, `CutMix` and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from comixup.mixers import comixup, cutmix, input_mixup, puzzle_mix, random_choice
from comixup.mixers.base import Mixer
from comixup.torch.tensor_mixer import TensorMixer

Made = TypeVar("Made", bound="type[TensorMixer]")


def _of(mixer: type[Mixer]) -> Callable[[Made], Made]:
    """Take the description of the parameters, which are the same, from a mixer of arrays."""

    def documented(made: Made) -> Made:
        described = (mixer.__doc__ or "").split("Parameters\n    ----------\n")[-1]
        parameters = described.split("\n\n")[0]
        parameters = parameters.replace('"warn"}, default "raise"', '"warn"}, default "warn"')
        section = f"    Parameters\n    ----------\n{parameters}\n"
        head, raises, rest = (made.__doc__ or "").partition("    Raises\n")
        made.__doc__ = f"{head.rstrip()}\n\n{section}" + (f"\n{raises}{rest}" if raises else "    ")
        return made

    return documented


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a constructor as options of the mixer of arrays."""
    return {name: value for name, value in given.items() if name not in ("self", "__class__")}


@_of(comixup.CoMixup)
class CoMixup(TensorMixer):
    """`comixup.CoMixup` on tensors; samples without saliency are mixed, with one warning."""

    def __init__(
        self,
        *,
        group_size: int = 20,
        grid: int | Sequence[int] = 4,
        smoothness: float = 0.32,
        coupling: float = 1.0,
        threshold: float = 0.83,
        threshold_kind: str = "hard",
        prior_weight: float = 0.05,
        prior_concentration: float = 2.0,
        distance_weight: float = 0.001,
        levels: int = 2,
        effort: str = "default",
        mode: str = "search",
        num_classes: int | Mapping[str, int] | None = None,
        label_smoothing: float = 0.0,
        targets: str = "classes",
        labels_by: str = "area",
        ignore_index: int | None = None,
        prob: float = 1.0,
        image_prob: float = 1.0,
        off_epoch: int | None = None,
        channels: str | None = None,
        layout: str | None = None,
        zero_saliency: str = "warn",
        seed: int | None = None,
        threads: int | None = None,
        time_limit: float | None = None,
    ) -> None:
        super().__init__(comixup.CoMixup(**_options(locals())))


@_of(puzzle_mix.PuzzleMix)
class PuzzleMix(TensorMixer):
    """`comixup.PuzzleMix` on tensors; samples without saliency are mixed, with one warning."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        mode: str = "batch",
        grids: Sequence[int] = (2, 4, 8, 16),
        smoothness: float = 1.2,
        data_smoothness: float = 0.5,
        prior_weight: float = 0.2,
        levels: int = 2,
        transport: bool = True,
        transport_cost: float = 0.8,
        zero_saliency: str = "warn",
        threads: int | None = None,
        num_classes: int | Mapping[str, int] | None = None,
        label_smoothing: float = 0.0,
        targets: str = "classes",
        labels_by: str = "area",
        ignore_index: int | None = None,
        prob: float = 1.0,
        image_prob: float = 1.0,
        off_epoch: int | None = None,
        channels: str | None = None,
        layout: str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(puzzle_mix.PuzzleMix(**_options(locals())))


@_of(input_mixup.InputMixup)
class InputMixup(TensorMixer):
    """`comixup.InputMixup` on tensors."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        mode: str = "batch",
        num_classes: int | Mapping[str, int] | None = None,
        label_smoothing: float = 0.0,
        targets: str = "classes",
        labels_by: str = "area",
        ignore_index: int | None = None,
        prob: float = 1.0,
        image_prob: float = 1.0,
        off_epoch: int | None = None,
        channels: str | None = None,
        layout: str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(input_mixup.InputMixup(**_options(locals())))


@_of(cutmix.CutMix)
class CutMix(TensorMixer):
    """`comixup.CutMix` on tensors."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        mode: str = "batch",
        num_classes: int | Mapping[str, int] | None = None,
        label_smoothing: float = 0.0,
        targets: str = "classes",
        labels_by: str = "area",
        ignore_index: int | None = None,
        prob: float = 1.0,
        image_prob: float = 1.0,
        off_epoch: int | None = None,
        channels: str | None = None,
        layout: str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(cutmix.CutMix(**_options(locals())))


@_of(random_choice.RandomChoice)
class RandomChoice(TensorMixer):
    """`comixup.RandomChoice` on tensors, of mixers of `comixup` or of `comixup.torch`.

    Raises
    ------
    ValueError, TypeError
        As `comixup.RandomChoice`, and if a mixer is an `AdaMixUp`, which needs training.
    """

    def __init__(
        self,
        mixers: Sequence[Mixer | TensorMixer],
        probabilities: Sequence[float] | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        for i, m in enumerate(mixers):
            if isinstance(m, TensorMixer) and m.learns:
                raise TypeError(
                    f"mixers[{i}] needs a mixer that learns nothing, got {type(m).__name__}: it "
                    "needs training in every step. Use it alone."
                )
        plain = [m.mixer if isinstance(m, TensorMixer) else m for m in mixers]
        super().__init__(random_choice.RandomChoice(plain, probabilities, seed=seed))
