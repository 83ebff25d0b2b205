"""Controls leave out what they say, and nothing else; Manifold Mixup mixes the layers it names."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import many, numbers
from hypothesis import assume, given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from controls import Identity, OtherSaliency, RandomPatches  # noqa: E402
from hidden_layers import HiddenLayers  # noqa: E402
from networks import ARCHITECTURES, mixed_layers, network  # noqa: E402

from comixup import CoMixup, ManifoldMixup  # noqa: E402
from comixup.cli.dataset import UsageError  # noqa: E402
from comixup.torch import InputMixup, apply, apply_labels  # noqa: E402
from comixup.torch.losses import softmax_binary_cross_entropy  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)
OPTIONS = {"group_size": 4, "grid": 2, "effort": "fast", "num_classes": 5}


def batch(rng):
    images = many(rng, 8, 3, 8, 8).astype(np.float32)
    return images, rng.integers(5, size=8), many(rng, 8, 8, 8) + 0.125


@given(rng=numbers(), seed=SEEDS)
def test_random_patches_keep_labels_and_sources(rng, seed):
    images, labels, saliency = batch(rng)
    ours = RandomPatches(**OPTIONS).mix(images, labels, saliency, rng=seed)
    theirs = CoMixup(**OPTIONS).mix(images, labels, saliency, rng=seed)
    np.testing.assert_allclose(ours.labels, theirs.labels, atol=1e-6)
    np.testing.assert_array_equal(ours.plan.n_sources, theirs.plan.n_sources)
    for one, two in zip(ours.plan.sources, theirs.plan.sources, strict=True):
        flat = [sorted(map(tuple, p.reshape(-1, p.shape[-1]).tolist())) for p in (one, two)]
        assert flat[0] == flat[1]


@given(rng=numbers(), seed=SEEDS)
def test_other_saliency_is_that_of_others(rng, seed):
    images, labels, saliency = batch(rng)
    saliency[:, 0, 0] += np.arange(8)  # no two alike
    seen = []

    class Watched(CoMixup):
        def solve(self, summary, key, **options):
            seen.append(summary)
            return CoMixup.solve(self, summary, key, **options)

    class Shuffled(OtherSaliency, Watched):
        pass

    Watched(**OPTIONS).mix(images, labels, saliency, rng=seed)
    Shuffled(**OPTIONS).mix(images, labels, saliency, rng=seed)
    plain, shuffled = seen
    assume(len(np.unique(plain.weights, axis=0)) == 8)
    matches = [np.flatnonzero((plain.weights == w).all(axis=(1, 2))) for w in shuffled.weights]
    other = np.concatenate(matches)
    assert sorted(other) == list(range(8))
    assert not (other == np.arange(8)).any()
    np.testing.assert_array_equal(shuffled.peaks, plain.peaks[other])


def test_identity_is_no_mixing_with_a_clean_pass():
    images, labels, _ = batch(np.random.default_rng(0))
    mixed = Identity(num_classes=5).mix(images, labels)
    np.testing.assert_array_equal(mixed.images, images)
    np.testing.assert_array_equal(mixed.labels, np.eye(5, dtype=np.float32)[labels])
    assert Identity().uses_saliency


# Manifold Mixup


@pytest.mark.parametrize("arch", [name for name in ARCHITECTURES if name != "tiny"])
def test_layers_have_names_by_default(arch):
    model = network(arch, 5)
    assert mixed_layers(model) == ["input", "stage2block1", "stage3block1"]
    options = SimpleNamespace(layers=None, alpha=None, seed=0)
    layers = HiddenLayers(options, model).layers
    assert layers == [model, model.stage2block1, model.stage3block1]


def test_a_step_mixes_one_layer_and_the_labels():
    torch.manual_seed(0)
    model = network("resnet8", 5)
    images, labels, _ = batch(np.random.default_rng(0))
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    hidden = HiddenLayers(SimpleNamespace(layers=None, alpha=1.0, seed=3), model)
    plain, drawn = InputMixup(prob=0.0), set()
    names = list(model._modules)
    for step in range(8):
        result = hidden.training_step(model, images, labels, plain, loss="bce", step=step)
        layer, plan = ManifoldMixup(alpha=1.0, seed=3).plan(8, step=step)
        drawn.add(layer)
        at = 0 if layer == 0 else names.index(mixed_layers(model)[layer])
        features = apply(plan, model[:at](images)) if at else apply(plan, images)
        logits = model[at:](features)
        torch.testing.assert_close(result.logits, logits.detach(), rtol=1e-4, atol=1e-5)
        rows = apply_labels(plan, labels, num_classes=5)
        expected = softmax_binary_cross_entropy(logits, rows)
        torch.testing.assert_close(result.loss, expected.detach(), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(result.plan.share, plan.share)
    assert drawn == {0, 1, 2}


def test_unknown_layers_are_refused():
    model = network("resnet8", 5)
    with pytest.raises(UsageError, match=r"no 'stage9'; it has input, stem, stage1block1"):
        HiddenLayers(SimpleNamespace(layers=["input", "stage9"], alpha=None, seed=0), model)
    with pytest.raises(UsageError, match="alpha"):
        HiddenLayers(SimpleNamespace(layers=None, alpha=-1.0, seed=0), model)
