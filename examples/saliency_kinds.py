"""Where the saliency of a training step comes from, as --saliency says."""

import torch
from augment import augment

from comixup.torch import AveragedSaliency, CachedSaliency, grad_cam, input_saliency

BATCH = 200
REFRESH = 5  # epochs


class Gradient:
    """The gradient of the clean loss, as published: `training_step` computes it itself."""

    def __init__(self, training):
        pass

    def begin(self, epoch):
        """Get ready for an epoch."""

    def of_batch(self, rows, rng):
        """Return what `training_step` takes for these images; `rng` is that of augmentation."""
        return

    def follow(self):
        """Take in a step of the optimizer."""

    def state(self):
        """Return all that is needed to go on."""
        return

    def restore(self, state):
        """Go on from a state."""


class ActivationMaps(Gradient):
    """Grad-CAM of the running model: one forward pass."""

    def __init__(self, training):
        self.model = training.model

    def of_batch(self, rows, rng):
        """Return a function of images and labels."""
        return lambda images, labels: grad_cam(self.model, images, labels, layer="relu")


class Averaged(Gradient):
    """The loss gradient of running means of the weights."""

    def __init__(self, training):
        self.model = training.model
        self.averaged = AveragedSaliency(training.model)

    def of_batch(self, rows, rng):
        """Return a function of images and labels."""
        return self.averaged

    def follow(self):
        """Take in a step of the optimizer."""
        self.averaged.update(self.model)

    def state(self):
        """Return all that is needed to go on."""
        return self.averaged.state_dict()

    def restore(self, state):
        """Go on from a state."""
        self.averaged.load_state_dict(state)


class Cached(Gradient):
    """Loss gradients of the training images as they are, computed every few epochs."""

    def __init__(self, training):
        self.training = training
        self.cache = CachedSaliency(self._gradients)

    def begin(self, epoch):
        """Compute the maps, if it is time."""
        training = self.training
        if epoch % (training.options.refresh or REFRESH) == 0:
            parts = zip(training.x.split(BATCH), training.y.split(BATCH), strict=True)
            self.cache.refresh((training.prepare(x), y) for x, y in parts)

    def of_batch(self, rows, rng):
        """Return maps that went through the crops and flips of the images."""
        options = self.training.options
        maps = self.cache(rows)[:, None]
        return augment(maps, rng, crop=self.training.crop, flip=options.flip)[:, 0]

    def state(self):
        """Return all that is needed to go on."""
        return self.cache.state_dict()

    def restore(self, state):
        """Go on from a state."""
        self.cache.load_state_dict(state)

    def _gradients(self, images, labels):
        amp = self.training.amp
        with (
            torch.autocast(images.device.type, amp, enabled=amp is not None),
            input_saliency(self.training.model, images, labels) as saliency,
        ):
            return saliency


SALIENCY = {"gradient": Gradient, "cam": ActivationMaps, "ema": Averaged, "cached": Cached}
