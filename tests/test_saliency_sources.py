"""Grad-CAM, averaged weights, cached maps: what they compute, and that steps use them."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from test_torch_training import CO, assert_same, batch, network, snapshot  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from comixup.torch import (  # noqa: E402
    AveragedSaliency,
    CachedSaliency,
    CoMixup,
    CutMix,
    activation_maps,
    grad_cam,
    input_saliency,
    predict,
    softmax_binary_cross_entropy,
    training_step,
)

SEEDS = st.integers(0, 2**32 - 1)


def pooled_network(seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(6, 5))


class Wrapped(nn.Module):
    """A network that normalizes images in place, and returns its logits in a dict or the like."""

    def __init__(self, inner, wrap):
        super().__init__()
        self.inner, self.wrap = inner, wrap

    def forward(self, images):
        return self.wrap(self.inner(images.sub_(0.5)))


@pytest.mark.parametrize("layer", ["0", "1", "2"])
def test_layers_that_work_in_place_change_no_maps(layer):
    images, labels = batch()
    plain, in_place = pooled_network(), pooled_network()
    in_place[2].inplace = True
    wrapped = Wrapped(in_place, lambda logits: {"out": logits, "logits": logits})
    maps = grad_cam(plain, images - 0.5, labels, layer)
    given = images.clone()
    torch.testing.assert_close(grad_cam(wrapped, given, labels, f"inner.{layer}"), maps)
    second = Wrapped(in_place, lambda logits: (None, logits))
    assert torch.equal(grad_cam(second, given, labels, f"inner.{layer}", logits=lambda o: o[1]),
                       grad_cam(wrapped, given, labels, f"inner.{layer}"))  # fmt: skip
    maps = activation_maps(plain, images - 0.5, labels, layer, "5")
    found = activation_maps(wrapped, given, labels, f"inner.{layer}", "inner.5")
    torch.testing.assert_close(found, maps)
    expected, _ = predict(plain, [(images - 0.5, labels)])
    found, _ = predict(wrapped, [(given, labels)])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found, _ = predict(second, [(given, labels)], logits=lambda output: output[1])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert torch.equal(given, images)


@given(seed=SEEDS)
def test_grad_cam_is_the_activation_map_of_a_pooled_network(seed):
    model, (images, labels) = pooled_network(seed), batch(seed=seed)
    pixels = 9  # of the layer: 8 pixels, kernel 3, stride 2
    found = grad_cam(model, images, labels, layer="2")
    expected = activation_maps(model, images, labels, layer=model[2], head="5")
    assert found.shape == (8, 8, 8)
    assert bool((found >= 0).all())
    assert bool((pixels * found >= expected - 1e-5).all())  # clamped before it is upsampled
    with torch.no_grad():
        model[5].weight.abs_()  # nothing to clamp
    found = grad_cam(model, images, labels, layer=model[2])
    expected = activation_maps(model, images, labels, layer="2", head="5")
    torch.testing.assert_close(pixels * found, expected)


def test_grad_cam_is_the_definition():
    model, (images, labels) = network(dropout=0.0), batch()
    model(images)  # running means that are not those of a new layer
    plain = copy.deepcopy(model).eval()
    channels = plain[:3](images).detach().requires_grad_()
    logits = plain[3:](channels)
    logits[torch.arange(8), labels].sum().backward()
    weights = channels.grad.mean(dim=(2, 3))
    expected = (weights[:, :, None, None] * channels).sum(dim=1).clamp(min=0).detach()
    torch.testing.assert_close(grad_cam(model, images, labels, layer="2"), expected)
    rows = functional.one_hot(labels, 5)
    torch.testing.assert_close(grad_cam(model, images, rows, layer="2"), expected)


@pytest.mark.parametrize("around", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_grad_cam_leaves_no_trace(around):
    model, (images, labels) = network(), batch()
    functional.cross_entropy(model(images), labels).backward()
    with around():
        before = snapshot(model)
        maps = grad_cam(model, images, labels, layer="2")
        assert not maps.requires_grad
        assert_same(before, snapshot(model))
    assert not model[2]._forward_hooks
    with pytest.raises(ValueError, match="layer needs to run once"):
        grad_cam(model, images, labels, layer="5")
    twice = nn.Sequential(model[0], relu := nn.ReLU(), relu, *model[3:])
    with pytest.raises(ValueError, match="layer needs to run once"):
        grad_cam(twice, images, labels, layer=relu)
    assert torch.is_grad_enabled()
    with pytest.raises(AttributeError):
        grad_cam(model, images, labels, layer="nothing")
    with pytest.raises(TypeError, match="labels needs a tensor"):
        grad_cam(model, images, labels.tolist(), layer="2")


def test_averaged_weights_are_the_running_mean():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.BatchNorm1d(5))
    averaged = AveragedSaliency(model, decay=0.5)
    mean = model[1].weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            model[1].weight += torch.randn_like(mean)
            model[2].num_batches_tracked += 1
        averaged.update(model)
        kept = min(0.5, (1 + step) / (10 + step))
        mean = kept * mean + (1 - kept) * model[1].weight.detach()
        torch.testing.assert_close(averaged.model[1].weight, mean)
    assert averaged.model[2].num_batches_tracked == 12
    images, labels = batch()
    with input_saliency(averaged.model.requires_grad_(True), images, labels) as expected:
        averaged.model.requires_grad_(False)
        torch.testing.assert_close(averaged(images, labels), expected)
    other = AveragedSaliency(network(seed=5))
    with pytest.raises(RuntimeError):
        other.load_state_dict(averaged.state_dict())
    other = AveragedSaliency(copy.deepcopy(model))
    other.load_state_dict(averaged.state_dict())
    assert other.steps == 12
    torch.testing.assert_close(other(images, labels), expected)
    for decay in (-0.1, 1.5):
        with pytest.raises(ValueError, match="decay"):
            AveragedSaliency(model, decay)


def test_cached_maps_are_looked_up():
    (images, labels), calls = batch(12), []

    def source(images, labels):
        calls.append(len(images))
        return images.sum(dim=1)

    cache = CachedSaliency(source)
    with pytest.raises(RuntimeError, match="refresh"):
        cache(torch.tensor([0]))
    with pytest.raises(ValueError, match="at least one batch"):
        cache.refresh([])
    cache.refresh([(images[:5], labels[:5], "more"), (images[5:], labels[5:])])
    rows = torch.tensor([7, 0, 11])
    torch.testing.assert_close(cache(rows), images[rows].sum(dim=1))
    other = CachedSaliency(source)
    other.load_state_dict(cache.state_dict())
    assert torch.equal(other(rows), cache(rows))
    assert calls == [5, 7]


@pytest.mark.parametrize("as_function", [True, False])
def test_a_step_uses_the_maps_that_it_is_given(as_function):
    images, labels = batch()
    maps = torch.rand(8, 8, 8, generator=torch.Generator().manual_seed(5))
    given = (lambda *inputs: maps) if as_function else maps
    model, plain = network(dropout=0.0), network(dropout=0.0)
    found = training_step(model, images, labels, CoMixup(**CO), step=3, saliency=given)
    mixed = CoMixup(num_classes=5, **CO).mix(images, labels, maps, step=3)
    np.testing.assert_array_equal(found.plan.sources, mixed.plan.sources)
    clean = 2 / 5 * functional.cross_entropy(plain(images), labels)
    clean.backward()
    softmax_binary_cross_entropy(plain(mixed.images), mixed.labels).backward()
    torch.testing.assert_close(found.clean_loss, clean.detach())
    for one, two in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)


def test_without_a_clean_loss_there_is_no_clean_pass():
    images, labels = batch()
    passes = []
    model = network()
    model.register_forward_hook(lambda *_: passes.append(1))
    result = training_step(
        model, images, labels, CoMixup(**CO), saliency=images.sum(dim=1), clean_weight=0
    )
    assert len(passes) == 1
    assert result.clean_loss == 0

    def never(images, labels):
        raise AssertionError("maps are not used")

    training_step(model, images, labels, CutMix(seed=0), saliency=never)
    training_step(model, images, labels, CoMixup(**CO, prob=0.0), saliency=never)
    with pytest.raises(ValueError, match="saliency needs"):
        training_step(model, images, labels, CoMixup(**CO), saliency=torch.ones(8, 3))
