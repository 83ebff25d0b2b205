"""Manifold Mixup: hidden arrays of a random layer blended, instead of images."""

from networks import mixed_layers

from comixup import ManifoldMixup
from comixup.cli.dataset import UsageError
from comixup.torch import apply_labels, mixed_at, training_step
from comixup.torch.losses import LOSSES


class HiddenLayers:
    """The layers of a network that are mixed, and a training step that does it."""

    def __init__(self, options, model):
        names = options.layers or mixed_layers(model)
        layers = dict(model.named_modules())
        unknown = [name for name in names if name != "input" and not layers.get(name)]
        if unknown:
            known = ", ".join(["input", *(name for name, _ in model.named_children())])
            raise UsageError(f"--layers: the network has no {unknown[0]!r}; it has {known}")
        self.layers = [model if name == "input" else layers[name] for name in names]
        alpha = 2.0 if options.alpha is None else options.alpha
        try:
            self.mixer = ManifoldMixup(n_layers=len(names), alpha=alpha, seed=options.seed)
        except ValueError as error:
            raise UsageError(f"--mixer manifold: {error}") from error

    def training_step(self, model, images, labels, mix, *, loss, step, **options):
        """Take the step of `comixup.torch.training_step`, with a hidden layer and labels mixed."""
        layer, plan = self.mixer.plan(len(images), step=step)

        def mixed_loss(logits, rows):
            return LOSSES[loss](logits, apply_labels(plan, rows))

        with mixed_at(self.layers[layer], plan):
            result = training_step(
                model, images, labels, mix, loss=mixed_loss, step=step, **options
            )
        return result._replace(plan=plan)
