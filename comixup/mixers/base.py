"""`Mixer`: the common part of all mixers, with the call, labels, switches and random numbers.

A mixer computes its plan from a `Summary` of the batch, which has the saliency and the mean colors
of each patch, and does not depend on the images or their library. The same planning therefore
serves numpy arrays and, in `comixup.torch`, tensors: summaries are pooled on the device, plans are
computed on the host, and mixed images are gathered on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from comixup._base import validate
from comixup._base.interchange import like
from comixup._base.layout import Layout, decide, parse
from comixup._base.patch_saliency import warn_of_uniform
from comixup._base.streams import EACH, SWITCH, Key, require_seed
from comixup._base.types import RNG, Array
from comixup._base.wording import documented
from comixup.mixers.batch import MixedBatch
from comixup.mixers.summary import Needs, Summary, summarize
from comixup.plans.base import LABELS_BY, Mixture, remembering
from comixup.plans.blends import BlendPlan
from comixup.plans.labels import NEEDED, as_label_matrix, counted, each_head, smoothed
from comixup.plans.patches import MixPlan

TARGETS = ("classes", "values")


@dataclass(frozen=True, kw_only=True, repr=False)
class Mixer:
    """The options and the call that all mixers share; subclasses implement the planning.

    See `CoMixup` for the parameters.
    """

    num_classes: int | Mapping[str, int] | None = None
    label_smoothing: float = 0.0
    targets: str = "classes"
    labels_by: str = "area"
    ignore_index: int | None = None
    prob: float = 1.0
    image_prob: float = 1.0
    off_epoch: int | None = None
    channels: str | None = None
    layout: str | None = None
    seed: int | None = None

    least_spatial: ClassVar[int] = 1  # fewest spatial axes of images that can be mixed

    def __post_init__(self) -> None:
        for name in ("prob", "image_prob", "label_smoothing"):
            validate.fraction(name, getattr(self, name))
        if self.channels is not None:
            validate.choice("channels", self.channels, ("first", "last"))
        if self.layout is not None:
            parse(self.layout)
            if self.channels is not None:
                raise ValueError(
                    f"layout={self.layout!r} says where the channels are: leave channels out"
                )
        if validate.choice("targets", self.targets, TARGETS) == "values" and (
            self.num_classes is not None or self.label_smoothing > 0
        ):
            raise ValueError("targets='values' has no classes: no num_classes, no label_smoothing")
        if validate.choice("labels_by", self.labels_by, LABELS_BY) != "area" and (
            self.targets == "values"
        ):
            raise ValueError(f"targets='values' are mixed by area: no labels_by={self.labels_by!r}")
        if isinstance(self.num_classes, Mapping):
            for name, number in self.num_classes.items():
                validate.class_count(f"num_classes[{name!r}]", number)
        elif self.num_classes is not None:
            validate.class_count("num_classes", self.num_classes)
        if self.ignore_index is not None:
            validate.integer("ignore_index", self.ignore_index, -(2**63))
            if self.targets == "values":
                raise ValueError("targets='values' has no classes: no ignore_index")
        if self.off_epoch is not None:
            validate.integer("off_epoch", self.off_epoch, 0)
        if self.seed is not None:
            require_seed("seed", self.seed)

    def __repr__(self) -> str:
        """Show the options that are not the default ones."""
        options = (
            (field.name, repr(getattr(self, field.name)), field.default) for field in fields(self)
        )
        changed = (f"{name}={value}" for name, value, default in options if value != repr(default))
        return f"{type(self).__name__}({', '.join(changed)})"

    def mix(
        self,
        images: Any,
        labels: Any = None,
        saliency: Any = None,
        *,
        rng: RNG = None,
        step: int = 0,
        epoch: int = 0,
        rank: int = 0,
    ) -> MixedBatch:
        r"""Mix a batch; calling the mixer does the same.

        Parameters
        ----------
        images : array of float or uint8, shape (B, C, \*spatial), or as `layout` says
            Images with 1 to 3 spatial dimensions, not modified. Arrays of any library that
            supports DLPack or the array API are accepted; the result is of the same library.
        labels : array_like, int of shape (B,) or real of shape (B, K), or a dict of such, optional
            Class indices (with `num_classes`), or one-hot, soft or multi-label rows. A dict has one
            entry for each head of the network. With ``targets="values"``, real numbers of shape
            (B, ...).
        saliency : array_like of shape (B, \*spatial) or (B, \*grid), or str, optional
            Nonnegative maps, or "spectral" (default) or "contrast" to compute them from the images,
            see `comixup.saliency`. Mixers that do not use saliency only check its shape.
        rng : numpy.random.Generator or int, optional
            Source of the randomness of this call, of which one number is drawn, or a seed. None
            uses the `seed` of the mixer.
        step : int, default 0
            Number of the training step. With one seed for a whole run, every step has its own
            random streams.
        epoch : int, default 0
            Number of the epoch; batches are left as they are from `off_epoch` on.
        rank : int, default 0
            Number of this process among those that each mix a part of the data with one seed.

        Returns
        -------
        MixedBatch
            Unpacks into ``images``, of the same shape and dtype, and ``labels`` (B, K). Its
            attribute ``plan`` describes the mixture.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or the shape fits more than one layout; the message
            states what was passed and how to proceed.
        """
        key = Key.of_call(self.seed, rng, step, rank)
        given = validate.image_array(images, "(batch, channels, *spatial), or as layout= says,")
        layout = self.layout_of(given.shape)
        validate.require_finite("images", given)
        mixer = self.member(key)
        rows = mixer.label_rows(len(given), labels)
        plan: Mixture
        if mixer.is_on(key, epoch):
            plan = mixer.plan_of_images(key, given, layout, saliency)
        else:
            plan = self.identity(len(given), layout.spatial(given.shape))
        mixed = plan.apply(layout.arrange(given), channels=layout.channels)
        return MixedBatch(
            like(images, layout.restore(mixed)),
            None if rows is None else mixer.mix_labels(plan, rows, images),
            plan,
        )

    __call__ = mix

    def layout_of(self, shape: tuple[int, ...]) -> Layout:
        """Return the layout of images of a shape.

        Parameters
        ----------
        shape : tuple of int
            Shape of the images.

        Returns
        -------
        Layout
            One letter per axis.

        Raises
        ------
        ValueError
            If the shape fits more than one layout, or lacks axes that the mixer needs.
        """
        return self.checked(
            decide(shape, channels=self.channels, layout=self.layout, least=self.least_spatial)
        )

    def checked(self, layout: Layout) -> Layout:
        """Return a layout if it has the axes that saliency needs.

        Parameters
        ----------
        layout : Layout
            One letter per axis.

        Returns
        -------
        Layout
            The same.

        Raises
        ------
        ValueError
            If labels are mixed by saliency, and the layout has no spatial axes.
        """
        if self.labels_by == "saliency" and layout.n_spatial == 0:
            raise ValueError(
                f"labels_by='saliency' needs images with spatial axes, but layout={layout.axes!r} "
                "has none: the inputs of a mixed table count by their shares, labels_by='area'"
            )
        return layout

    @documented
    def member(self, key: Key) -> Mixer:
        """Return the mixer that mixes this batch: itself, unless there is a choice.

        Parameters
        ----------
        %(key)s

        Returns
        -------
        mixer of comixup
            The mixer itself.
        """
        return self

    @documented
    def is_on(self, key: Key, epoch: int) -> bool:
        """Return whether this batch is mixed.

        Parameters
        ----------
        %(key)s
        epoch : int
            Number of the epoch.

        Returns
        -------
        bool
            True if the batch is mixed.

        Raises
        ------
        ValueError, TypeError
            If `epoch` is not an integer >= 0.
        """
        epoch = validate.integer("epoch", epoch, 0)
        if self.off_epoch is not None and epoch >= self.off_epoch:
            return False
        return self.prob >= 1 or bool(key.stream(SWITCH).random() < self.prob)

    @property
    def uses_saliency(self) -> bool:
        """Whether plans, or labels, depend on saliency."""
        return self.labels_by == "saliency"

    @documented
    def needs(self, key: Key, spatial: tuple[int, ...]) -> Needs:
        """Return the data of the batch that a plan for this call needs.

        Parameters
        ----------
        %(key)s
        spatial : tuple of int
            Spatial shape of the images.

        Returns
        -------
        Needs
            Nothing, unless the mixer uses saliency.
        """
        return Needs()

    @documented
    def solve(self, summary: Summary, key: Key) -> Mixture:
        """Plan a batch, as if all of its images were to be mixed.

        Parameters
        ----------
        %(summary)s
        %(key)s

        Returns
        -------
        MixPlan, BlendPlan or BoxPlan
            The plan of the batch.
        """
        raise NotImplementedError

    @documented
    def wanted(self, key: Key, spatial: tuple[int, ...]) -> Needs:
        """Return the data that plan and labels of this call are computed from.

        Parameters
        ----------
        %(key)s
        spatial : tuple of int
            Spatial shape of the images.

        Returns
        -------
        Needs
            Those of `needs`, with saliency if labels are mixed by it.
        """
        needs = self.needs(key, spatial)
        if self.labels_by == "saliency" and needs.grid is None:
            return needs._replace(grid=spatial, zero_saliency="uniform")
        return needs

    def identity(self, n: int, spatial: tuple[int, ...]) -> Mixture:
        """Return the plan of a batch that stays as it is.

        Parameters
        ----------
        n : int
            Number of images.
        spatial : tuple of int
            Spatial shape of the images.

        Returns
        -------
        MixPlan, or BlendPlan where there are no spatial axes
            Every input fills its own output.
        """
        if not spatial:
            return BlendPlan(np.arange(n), np.ones(n), spatial)
        even = np.ones((n, *spatial)) if self.labels_by == "saliency" else None
        return remembering(MixPlan.identity(n, spatial), even)

    @documented
    def plan_for(self, summary: Summary, key: Key) -> Mixture:
        """Plan a batch; with `image_prob`, some of its images stay as they are.

        Parameters
        ----------
        %(summary)s
        %(key)s

        Returns
        -------
        MixPlan, BlendPlan or BoxPlan
            The plan of the batch.
        """
        plan = self.solve(summary, key)
        if self.labels_by == "saliency":
            plan = remembering(plan, summary.weights)
        if self.image_prob >= 1:
            return plan
        return plan.keeping(key.stream(EACH).random(len(plan)) >= self.image_prob)

    @documented
    def plan_of_images(self, key: Key, images: Array, layout: Layout, saliency: Any) -> Mixture:
        """Plan a batch of checked images.

        Parameters
        ----------
        %(key)s
        images : ndarray
            The images, in the order of axes of `layout`.
        layout : Layout
            One letter per axis.
        saliency : array_like, str or None
            As in `mix`.

        Returns
        -------
        MixPlan, BlendPlan or BoxPlan
            The plan of the batch.
        """
        needs = self.wanted(key, layout.spatial(images.shape))
        summary = summarize(layout.arrange(images), layout.channels, saliency, needs)
        if needs.zero_saliency == "warn":
            warn_of_uniform(summary.n_uniform, summary.n)
        return self.plan_for(summary, key)

    def label_rows(self, n: int, labels: Any) -> Any:
        """Return the labels of each head as rows.

        Parameters
        ----------
        n : int
            Number of images.
        labels : array_like, dict or None
            As in `mix`.

        Returns
        -------
        tuple, dict of tuples, or None
            Rows, the labels that were given, and which of the rows count (None if all do).

        Raises
        ------
        ValueError, TypeError
            If labels are not as described.
        """
        if labels is None:
            return None

        def rows(head: Any, num_classes: int | None) -> tuple[Array, Any, Array | None]:
            classes = self.targets == "classes"
            needed = NEEDED if classes else "real numbers of shape (batch, ...)"
            array = validate.as_array("labels", head, needed)
            if classes:
                matrix = as_label_matrix(array, n, num_classes, self.ignore_index)
                return matrix, head, counted(array, self.ignore_index)
            validate.same_batch("labels", array, n, "inputs")
            return array, head, None

        return each_head(labels, self.num_classes, rows)

    def mix_labels(self, plan: Mixture, rows: Any, images: Any) -> Any:
        """Mix the rows of `label_rows`.

        Parameters
        ----------
        plan : MixPlan, BlendPlan or BoxPlan
            The plan that gives the shares.
        rows : tuple, dict of tuples, or None
            From `label_rows`.
        images : array
            The images, whose library the labels get if they have none of their own.

        Returns
        -------
        array, dict of arrays, or None
            The mixed labels, in the form of `rows`.
        """

        def mixed(head: tuple[Array, Any, Array | None], _: Any) -> Any:
            array, came, which = head
            if self.targets == "classes":
                labeled = None
                if which is not None:
                    ones = which[:, None].astype(np.float32)
                    labeled = plan.apply_labels(ones, by=self.labels_by)[:, 0]
                rows = plan.apply_labels(array, by=self.labels_by)
                result = smoothed(rows, self.label_smoothing, labeled)
            else:
                result = plan.apply_values(array)
            return like(came if hasattr(came, "__dlpack__") else images, result)

        return each_head(rows, None, mixed)
