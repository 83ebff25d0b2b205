"""The order of the axes of a batch, given by `layout` or `channels`, or clear from the shape.

Mixers work on (batch, channels, *spatial) or (batch, *spatial, channels). Other orders are
converted to the first one by views. If a shape fits more than one order and none is given, an error
is raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from comixup._base import validate

SPATIAL = {0: "", 1: "L", 2: "HW", 3: "DHW"}
EXAMPLES = (
    "'BCHW' or 'BHWC' for images, 'BHW' for gray ones without a channel axis, 'BCTHW' or 'BTCHW' "
    "for video, 'BCL' for signals, 'BC' for tables (InputMixup alone)"
)
FEW = 16  # as many channels as a batch without a word about its layout may have in the last axis


@dataclass(frozen=True)
class Layout:
    """The order of axes, e.g. ``Layout("BTCHW")``.

    Attributes
    ----------
    axes : str
        One letter per axis: B is the batch, C the channels (they may be missing), all others are
        spatial, time included.
    """

    axes: str

    @property
    def n_spatial(self) -> int:
        """Number of spatial axes."""
        return len(self.axes) - 1 - ("C" in self.axes)

    @property
    def channels(self) -> str:
        """Where `arrange` leaves the channels: "last" if they are last here, else "first"."""
        return "last" if self.axes.find("C") == len(self.axes) - 1 > 1 else "first"

    def arrange(self, array: Any, *, first: bool = False) -> Any:
        """Return a view with the channels first; channels that are last stay there.

        Parameters
        ----------
        array : ndarray or Tensor
        first : bool, default False
            Whether channels that are last are moved to the front as well.
        """
        at = self.axes.find("C")
        if at == -1:
            return array[:, None]
        if self.channels == "last" and not first:
            return array
        return _moved(array, at, 1)

    def restore(self, array: Any, *, first: bool = False) -> Any:
        """Return a view of what `arrange` returned in the order of this layout."""
        at = self.axes.find("C")
        if at == -1:
            return array[:, 0]
        if self.channels == "last" and not first:
            return array
        return _moved(array, 1, at)

    def spatial(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the spatial part of a shape in this layout."""
        return tuple(s for s, axis in zip(shape, self.axes, strict=True) if axis not in "BC")


def parse(layout: Any) -> Layout:
    """Parse a layout such as "BTCHW"; N is another name of B."""
    needed = f"one letter per axis, B first, C for channels, such as {EXAMPLES}"
    if not isinstance(layout, str):
        raise TypeError(f"layout needs {needed}; got {layout!r} of type {type(layout).__name__}")
    axes = f"B{layout[1:]}" if layout[:1] == "N" else layout
    letters = axes.isascii() and axes.isalpha() and axes.isupper()
    if not letters or axes[0] != "B" or len(set(axes)) != len(axes):
        raise ValueError(f"layout needs {needed}; got {layout!r}")
    found = Layout(axes)
    if found.n_spatial > 3 or axes == "B":
        raise ValueError(
            f"layout needs channels or 1 to 3 spatial axes; {layout!r} has {found.n_spatial}"
        )
    return found


def decide(
    shape: tuple[int, ...], *, channels: str | None, layout: str | None, least: int = 1
) -> Layout:
    """Return the layout of images of a shape; raise if the shape does not determine it.

    Parameters
    ----------
    shape : tuple of int
    channels : {"first", "last"}, optional
    layout : str, optional
        Used as given; only the number of axes is compared with the shape.
    least : int, default 1
        Smallest number of spatial axes that can be mixed.

    Raises
    ------
    ValueError
        If the number of axes is wrong, an axis is empty, or the shape fits two layouts.
    """
    if layout is not None:
        found = parse(layout)
        if len(found.axes) != len(shape):
            raise ValueError(
                f"images of shape {shape} have {len(shape)} axes, but layout={layout!r} names "
                f"{len(found.axes)}"
            )
    else:
        if not 3 <= len(shape) <= 5:
            raise ValueError(_axes_needed(shape, channels))
        inner = SPATIAL[len(shape) - 2]
        found = Layout(f"B{inner}C" if channels == "last" else f"BC{inner}")
        if channels is None:
            _require_clear(shape)
        else:
            otherwise = f"say layout={found.axes!r}"
            validate.require_layout(shape, channels, otherwise)
    if 0 in shape:
        raise ValueError(f"images needs no empty axis, got the shape {shape}")
    if found.n_spatial < least:
        raise ValueError(
            f"images needs at least {least} spatial axis to be cut into patches or boxes, but "
            f"layout={layout!r} has {found.n_spatial}. InputMixup mixes tables."
        )
    return found


def _axes_needed(shape: tuple[int, ...], channels: str | None) -> str:
    order = "(batch, *spatial, channels)" if channels == "last" else "(batch, channels, *spatial)"
    return (
        f"images needs the shape {order} with 1 to 3 spatial dimensions and no empty axis, got "
        f"{shape}. Gray images need a channel axis: images[:, None]; any other order of axes is "
        f"said by layout=: {EXAMPLES}."
    )


def _require_clear(shape: tuple[int, ...]) -> None:
    """Raise if images of this shape may have their channels elsewhere than in the first place."""
    if len(shape) == 3:
        found = _readings_of_three(shape)
    elif len(shape) == 4:
        found = _readings_of_four(shape)
    else:
        found = _readings_of_five(shape)
    if len(found) > 1:
        ways = " or ".join(f"layout={axes!r} ({what})" for axes, what in found.items())
        raise ValueError(
            f"images of shape {shape} may be meant in more than one way. Say which, once and for "
            f"all, when the mixer is made: {ways}. channels='first' and channels='last' do for "
            "images, signals and volumes that have their channel axis there; gray images may get "
            "one instead: images[:, None]."
        )


def _readings_of_three(shape: tuple[int, ...]) -> dict[str, str]:
    _, C, L = shape
    signals = {"BCL": f"signals of {C} channels"}
    if C == 1 or (C <= 4 and L >= 4 * C) or (C <= FEW and L >= 8 * C):
        return signals
    return signals | {"BHW": f"gray images of {C} x {L} pixels", "BLC": f"signals of {L} channels"}


def _readings_of_four(shape: tuple[int, ...]) -> dict[str, str]:
    _, C, H, W = shape
    images = {"BCHW": f"{C} channels of {H} x {W} pixels"}
    if min(C, FEW) >= W and min(C, H) >= 8:
        images["BHWC"] = f"{W} channels of {C} x {H} pixels"
    return images


def _readings_of_five(shape: tuple[int, ...]) -> dict[str, str]:
    _, C, D, H, W = shape
    found = {"BCTHW": f"{C} channels of {D} frames or layers of {H} x {W} pixels"}
    if D in (1, 3) and min(H, W) >= 8:
        found["BTCHW"] = f"{C} frames of {D} channels"
    if W <= 4 and min(D, H) >= 8:
        found["BTHWC"] = f"{C} frames of {D} x {H} pixels and {W} channels"
    return found


def _moved(array: Any, start: int, stop: int) -> Any:
    if start == stop:
        return array
    return (
        np.moveaxis(array, start, stop)
        if isinstance(array, np.ndarray)
        else array.movedim(start, stop)
    )
