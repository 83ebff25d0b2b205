"""Predictions and class activation maps: their definitions, and networks left as they were."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import comixup  # noqa: E402
from comixup import evaluate  # noqa: E402
from comixup.torch import CutMix, activation_maps, input_saliency, predict  # noqa: E402


def network(seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5)
    pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)
    model = nn.Sequential(*layers, *pooled)
    model(torch.rand(8, 3, 16, 16))  # running means that are not those of the start
    return model


def state(model):
    tensors = {k: v.clone() for k, v in model.state_dict().items()}
    hooks = [len(m._forward_hooks) for m in model.modules()]
    gradients = [p.grad for p in model.parameters()]
    return tensors, hooks, gradients, [m.training for m in model.modules()]


def assert_same(one, two):
    for a, b in zip(one[0].values(), two[0].values(), strict=True):
        assert torch.equal(a, b)
    assert one[1:] == two[1:]


def test_predictions_are_those_of_evaluation_mode():
    model = network()
    model[1].eval()  # a frozen layer stays frozen
    images, labels = torch.rand(10, 3, 16, 16), torch.arange(10) % 5
    before, random = state(model), torch.get_rng_state()
    batches = [(images[:4], labels[:4]), (images[4:], labels[4:], "names")]
    result = predict(model, batches)
    assert_same(before, state(model))
    assert torch.equal(random, torch.get_rng_state())
    model.eval()
    with torch.no_grad():
        np.testing.assert_allclose(result.logits, model(images).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(result.labels, labels.numpy())
    assert (result.logits.dtype, result.labels.dtype) == (np.float32, np.int64)


def test_predictions_of_low_precision_are_numpy():
    model = network().to(torch.bfloat16)
    result = predict(model, [(torch.rand(4, 3, 8, 8, dtype=torch.bfloat16), [0, 1, 2, 3])], "cpu")
    assert result.logits.dtype == np.float32
    assert result.labels.tolist() == [0, 1, 2, 3]
    double = predict(network().double(), [(torch.rand(4, 3, 8, 8).double(), torch.arange(4))])
    assert double.logits.dtype == np.float64


def test_labels_and_batches_that_are_no_tensors_are_refused():
    model, images, labels = network(), torch.rand(4, 3, 8, 8), torch.arange(4)
    with pytest.raises(TypeError, match="tensor of images, got str"):
        predict(model, [{"image": images, "label": labels}])
    for other in (labels.tolist(), labels.numpy()):
        saliency = input_saliency(model, images, other)
        with pytest.raises(TypeError, match="labels needs a tensor"), saliency:
            pass


def test_a_network_that_fails_is_left_as_it_was():
    model = network()
    before = state(model)
    with pytest.raises(RuntimeError):
        predict(model, [(torch.rand(4, 2, 8, 8), torch.arange(4))])
    assert_same(before, state(model))
    with pytest.raises(RuntimeError):
        activation_maps(model, torch.rand(4, 2, 8, 8), torch.arange(4), "2", "6")
    assert_same(before, state(model))


@pytest.mark.parametrize("by_name", [True, False])
def test_activation_maps_are_their_definition(by_name):
    model = network()
    images, labels = torch.rand(6, 3, 16, 12), torch.tensor([4, 0, 1, 1, 2, 3])
    layer, head = ("2", "6") if by_name else (model[2], model[6])
    before = state(model)
    maps = activation_maps(model, images, labels, layer, head)
    assert_same(before, state(model))
    assert (maps.shape, maps.requires_grad) == ((6, 16, 12), False)
    model.eval()
    with torch.no_grad():
        channels = model[:3](images)
        logits = model(images)
        for i, label in enumerate(labels.tolist()):
            weighted = model[6].weight[label][:, None, None] * channels[i]
            small = weighted.sum(dim=0)
            # what the network says is the mean of the map, and the bias
            said = small.mean() + model[6].bias[label]
            torch.testing.assert_close(said, logits[i, label])
            large = functional.interpolate(small[None, None], (16, 12), mode="bilinear")[0, 0]
            torch.testing.assert_close(maps[i], large)


def test_maps_of_signals_volumes_and_convolutional_heads():
    signal = nn.Sequential(nn.Conv1d(1, 4, 3, stride=2), nn.Conv1d(4, 3, 1), nn.Flatten())
    maps = activation_maps(signal, torch.rand(2, 1, 20), torch.tensor([0, 2]), "0", "1")
    assert maps.shape == (2, 20)
    volume = nn.Sequential(nn.Conv3d(1, 4, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten())
    volume.append(nn.Linear(4, 3))
    maps = activation_maps(volume, torch.rand(2, 1, 5, 6, 7), torch.tensor([0, 2]), "0", "3")
    assert maps.shape == (2, 5, 6, 7)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_maps_of_class_indices_of_any_integer_type(dtype):
    model, images, labels = network(), torch.rand(5, 3, 8, 8), torch.tensor([1, 0, 1, 1, 4])
    maps = activation_maps(model, images, labels, "2", "6")
    assert torch.equal(activation_maps(model, images, labels.to(dtype), "2", "6"), maps)


def test_maps_under_autocast_are_in_single_precision():
    model = network()
    images, labels = torch.rand(4, 3, 16, 16), torch.arange(4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = activation_maps(model, images, labels, "2", "6")
    assert maps.dtype == torch.float32
    torch.testing.assert_close(
        maps, activation_maps(model, images, labels, "2", "6"), rtol=0.1, atol=0.05
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"head": "2"}, TypeError, "head needs a weight .* ReLU"),
        ({"head": "0"}, TypeError, "head needs a weight .* Conv2d"),
        ({"layer": "4"}, None, None),
        ({"layer": "5"}, ValueError, "layer needs to run once"),
        ({"layer": nn.ReLU()}, ValueError, "layer needs to run once"),
        (
            {"labels": torch.tensor([0, 1, 5, 0])},
            ValueError,
            r"0\.\.4 .* labels\[2\] is 5",
        ),
        ({"labels": torch.tensor([0, 1])}, ValueError, "each of the 4 images"),
        ({"labels": torch.rand(4)}, ValueError, "torch.float32"),
        ({"labels": torch.ones(4, dtype=torch.bool)}, ValueError, "torch.bool"),
        ({"labels": [0, 1, 2, 3]}, TypeError, "labels needs a tensor .* got list"),
        ({"layer": "11"}, AttributeError, "11"),
        ({"images": np.zeros((4, 3, 8, 8))}, TypeError, "images needs a tensor"),
    ],
)
def test_bad_maps(options, error, words):
    call = {"images": torch.rand(4, 3, 8, 8), "labels": torch.arange(4), "layer": "2", "head": "6"}
    call |= options
    if error is None:  # already averaged: maps without any resolution
        assert activation_maps(network(), **call).std(dim=(1, 2)).max() < 1e-6
        return
    with pytest.raises(error, match=words):
        activation_maps(network(), **call)


@pytest.mark.parametrize(
    ("model", "batches", "error", "words"),
    [
        (nn.Flatten(), [], ValueError, "at least one batch"),
        (nn.Identity(), [(torch.rand(2, 3, 4, 4), [0, 1])], ValueError, r"shape \(2, 3, 4, 4\)"),
        (nn.Flatten(0, 2), [(torch.rand(2, 3, 4, 4), [0, 1])], ValueError, "for 2 images"),
    ],
)
def test_bad_predictions(model, batches, error, words):
    with pytest.raises(error, match=words):
        predict(model, batches)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu():
    model, images, labels = network(), torch.rand(6, 3, 16, 16), torch.arange(6) % 5
    on_host = predict(model, [(images, labels)]), activation_maps(model, images, labels, "2", "6")
    model.cuda()
    said = predict(model, [(images, labels)])
    np.testing.assert_allclose(said.logits, on_host[0].logits, rtol=1e-3, atol=1e-4)
    maps = activation_maps(model, images.cuda(), labels, "2", "6")
    torch.testing.assert_close(maps.cpu(), on_host[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("wrong", [[0, 5, 1, 7], [0, 1, 2, -1]])
def test_class_indices_are_refused_in_the_same_words_everywhere(wrong):
    images, labels = torch.rand(4, 3, 8, 8), torch.tensor(wrong)
    messages = set()
    for call in (
        lambda: activation_maps(network(), images, labels, "2", "6"),
        lambda: CutMix(num_classes=5)(images, labels),
        lambda: comixup.CutMix(num_classes=5)(images.numpy(), wrong, rng=0),
        lambda: evaluate.error_rate(np.zeros((4, 5)), wrong),
    ):
        with pytest.raises(ValueError, match=r"0\.\.4") as caught:
            call()
        messages.add(str(caught.value))
    assert len(messages) == 1, messages
