"""AdaMixUp: ranges, blends by hand, who learns what, states, and how it fails."""

import copy

import numpy as np
import pytest
from drawn import many, numbers
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from comixup import BlendPlan, MixPlan  # noqa: E402
from comixup.torch import (  # noqa: E402
    AdaMixUp,
    InputMixup,
    PlanAhead,
    RandomChoice,
    apply,
    apply_labels,
    soft_cross_entropy,
    softmax_binary_cross_entropy,
    training_step,
)

SEEDS = st.integers(0, 2**32 - 1)
SPATIAL = {1: (16,), 2: (8, 9), 3: (6, 5, 4)}


def network(dimensions=2, seed=0):
    torch.manual_seed(seed)
    convolution = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
    layers = convolution(2, 4, 3), nn.ReLU(), nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(4, 5))


def batch(n=8, dimensions=2, rng=None):
    rng = np.random.default_rng(0) if rng is None else rng
    images = torch.from_numpy(many(rng, n, 2, *SPATIAL[dimensions])).float()
    return images, torch.from_numpy(rng.integers(0, 5, n))


def mixer(dimensions=2, seed=0, **options):
    torch.manual_seed(seed)
    options = {"seed": 3, "num_classes": 5, **options}
    return AdaMixUp(in_channels=2, dimensions=dimensions, **options)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@given(rng=numbers(), seed=SEEDS, n=st.integers(1, 7))
def test_shares_are_drawn_from_what_the_policy_proposes(dimensions, rng, seed, n):
    mix = mixer(dimensions)
    images, labels = batch(n, dimensions, rng)
    out = mix.mix(images, labels, step=seed)
    mixed, rows, plan = out.images, out.labels, out.plan
    assert isinstance(plan, BlendPlan)
    low, high = mix.ranges(images, plan.partner).detach().double().unbind(dim=1)
    assert bool(((low >= 0) & (low <= high) & (high <= 1)).all())
    share = torch.from_numpy(plan.share.copy())
    assert bool(((low <= share + 1e-6) & (share <= high + 1e-6)).all())
    assert sorted(plan.partner) == list(range(n))
    assert n == 1 or not (plan.partner == np.arange(n)).any()
    torch.testing.assert_close(mixed, apply(plan, images))
    torch.testing.assert_close(rows, apply_labels(plan, labels, num_classes=5))
    again = mix.mix(images, labels, step=seed)
    assert torch.equal(again.images, mixed)
    other = mix.mix(images, labels, step=seed + 1)
    assert n == 1 or not np.array_equal(other.plan.share, plan.share)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("loss", ["bce", "ce"])
def test_a_step_is_the_sum_of_three_losses(shared, loss):
    model, (images, labels) = network(), batch()
    head = model[-1] if shared else None
    mix = mixer(head=head, intrusion_weight=0.7, label_smoothing=0.1)
    result = training_step(model, images, labels, mix, loss=loss, clean_weight=0.5, step=4)
    found = [copy.deepcopy(p.grad) for p in (*model.parameters(), *mix.parameters())]
    # by hand, of two passes of their own
    model.zero_grad()
    mix.networks.zero_grad()
    plan, partner = result.plan, torch.tensor(result.plan.partner)
    low, high = mix.ranges(images, partner).unbind(dim=1)
    even = (plan.share - low.detach().numpy()) / (high - low).detach().numpy()
    share = low + (high - low) * torch.from_numpy(even).float()
    column = share[:, None, None, None]
    blend = column * images + (1 - column) * images[partner]
    rows = functional.one_hot(labels, 5).float()
    blended = share[:, None] * rows + (1 - share[:, None]) * rows[partner]
    measure = {"bce": softmax_binary_cross_entropy, "ce": soft_cross_entropy}[loss]
    features = nn.Sequential(*model[:-1]) if shared else nn.Identity()
    real, mixed = (mix.networks["discriminator"](features(x))[:, 0] for x in (images, blend))
    weight = {"bce": 0.7 * 2 / 5, "ce": 0.7}[loss]
    parts = [
        0.5 * measure(model(images), 0.9 * rows + 0.1 / 5),
        measure(model(blend), 0.9 * blended + 0.1 / 5),
        weight * (functional.softplus(-real).mean() + functional.softplus(mixed).mean()) / 2,
    ]
    sum(parts).backward()
    for part, name in zip(parts, ("clean_loss", "mixed_loss", "mixer_loss"), strict=True):
        torch.testing.assert_close(getattr(result, name), part.detach())
    torch.testing.assert_close(result.loss, sum(parts).detach())
    torch.testing.assert_close(result.logits, model(blend).detach())
    for p, gradient in zip((*model.parameters(), *mix.parameters()), found, strict=True):
        assert gradient is not None
        torch.testing.assert_close(p.grad, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 20, 100])
def test_the_published_balance_of_losses_holds_for_either_loss(classes):
    """Binary cross entropy is between 1 / K and 2 / K of cross entropy."""
    images, labels = batch()
    model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), classes))
    nn.init.zeros_(model[1].weight), nn.init.zeros_(model[1].bias)
    shares = []
    for loss in ("bce", "ce"):
        mix = mixer()
        result = training_step(model, images, labels % classes, mix, loss=loss, step=0)
        shares.append(float(result.mixer_loss / result.mixed_loss))
    assert 0.99 < shares[0] / shares[1] < 2  # it was K / 2


def test_rows_and_indices_are_the_same():
    model, (images, labels) = network(), batch()
    rows = functional.one_hot(labels, 5).float()
    one, two = (
        training_step(copy.deepcopy(model), images, given, mixer(), step=2)
        for given in (labels, rows)
    )
    assert torch.equal(one.loss, two.loss)


def test_policy_and_discriminator_learn():
    """Blends are gray between black and white, and class 1 is gray: the worst case of intrusion."""
    torch.manual_seed(0)
    levels = torch.tensor([0.0, 0.5, 1.0])
    labels = torch.arange(24) % 3
    images = levels[labels].reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8) + 0.02 * torch.rand(
        24, 1, 8, 8
    )
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
    mix = AdaMixUp(in_channels=1, head=model[-1], seed=0)
    optimizer = torch.optim.Adam([*model.parameters(), *mix.parameters()], lr=0.01)
    losses = []
    before = copy.deepcopy(mix.networks.state_dict())
    for step in range(60):
        result = training_step(model, images, labels, mix, loss="ce", step=step)
        losses.append(float(result.loss))
        optimizer.step()
        optimizer.zero_grad()
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    for name, value in mix.networks.state_dict().items():
        assert not torch.equal(value, before[name]), name


def test_a_state_continues_a_run():
    def steps(model, mix, numbers):
        optimizer = torch.optim.SGD([*model.parameters(), *mix.parameters()], lr=0.1)
        for step in numbers:
            result = training_step(model, *batch(), mix, step=step)
            optimizer.step()
            optimizer.zero_grad()
        return result.loss

    model, mix = network(), mixer()
    whole = steps(model, mix, range(4))
    model, mix = network(), mixer()
    steps(model, mix, range(2))
    other = mixer(seed=9)
    other.load_state_dict(copy.deepcopy(mix.state_dict()))
    assert torch.equal(steps(model, other, range(2, 4)), whole)


def test_batches_that_stay_as_they_are():
    model, (images, labels) = network(), batch()
    for mix, epoch in ((mixer(prob=0.0), 0), (mixer(off_epoch=1), 1)):
        result = training_step(model, images, labels, mix, epoch=epoch)
        assert isinstance(result.plan, MixPlan)
        assert result.clean_loss == result.mixer_loss == 0
        assert all(p.grad is None for p in mix.parameters())
        assert torch.equal(mix.mix(images, labels, epoch=epoch).images, images)
    mix = mixer()
    mix.mixup_enabled = False
    assert torch.equal(mix(images, labels)[0], images)


def test_formats_and_passes():
    images, labels = batch()
    images = images.contiguous(memory_format=torch.channels_last)
    assert mixer().mix(images, labels).images.is_contiguous(memory_format=torch.channels_last)
    eight = (255 * images).to(torch.uint8)
    assert mixer().mix(eight, labels).images.dtype == torch.uint8
    model, mix = network(), mixer(head=None)
    result = training_step(model, images, labels, mix, amp=torch.bfloat16)
    assert result.logits.dtype == torch.bfloat16
    assert result.loss.dtype == torch.float32
    plain, scaled = network(), network()
    one, two = mixer(), mixer()
    training_step(plain, images, labels, one, step=0)
    training_step(scaled, images, labels, two, step=0, scale=lambda value: 1024 * value)
    ours, theirs = ([*m.parameters(), *x.parameters()] for m, x in ((plain, one), (scaled, two)))
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(1024 * p.grad, q.grad)
    with PlanAhead(mixer()) as ahead:
        ((mixed, rows),) = ahead.batches([(images, labels)])
    expected = mixer().mix(images, labels)
    assert torch.equal(mixed, expected.images)
    assert torch.equal(rows, expected.labels)


def test_what_is_refused():
    images, labels = batch()
    with pytest.raises(ValueError, match=r"needs 2 channels and 2 spatial axes.*\(8, 2, 72\)"):
        mixer().mix(images.flatten(2), labels)
    with pytest.raises(ValueError, match="needs 2 channels"):
        training_step(network(), images[:, :1], labels, mixer())
    with pytest.raises(ValueError, match="dimensions"):
        mixer(dimensions=4)
    with pytest.raises(ValueError, match="intrusion_weight"):
        mixer(intrusion_weight=-1.0)
    with pytest.raises(TypeError, match=r"nn\.Linear, got Flatten"):
        mixer(head=nn.Flatten())
    with pytest.raises(ValueError, match="the model did not use it"):
        training_step(network(), images, labels, mixer(head=nn.Linear(4, 5)))
    with pytest.raises(TypeError, match=r"mixers\[1\] .* AdaMixUp"):
        RandomChoice([InputMixup(num_classes=5), mixer()])
