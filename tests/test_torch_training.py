"""Saliency that leaves no trace, the training step as published, plans one step ahead."""

import threading

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from comixup.torch import (  # noqa: E402
    CoMixup,
    CutMix,
    InputMixup,
    PlanAhead,
    PuzzleMix,
    RandomChoice,
    gradient_norm,
    input_saliency,
    soft_accuracy,
    soft_cross_entropy,
    softmax_binary_cross_entropy,
    training_step,
    undisturbed,
)

SEEDS = st.integers(0, 2**32 - 1)
CO = {"group_size": 4, "grid": 2, "effort": "fast", "seed": 0}


def network(seed=0, dropout=0.5):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 5),
    )


def batch(n=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, 3, 8, 8, generator=generator)
    return images, torch.randint(0, 5, (n,), generator=generator)


def snapshot(model):
    return {
        "modes": [m.training for m in model.modules()],
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "grads": [g if g is None else (id(g), g + 0) for g in (p.grad for p in model.parameters())],
        "rng": torch.get_rng_state(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
        "grad mode": torch.is_grad_enabled(),
    }  # fmt: skip


def assert_same(before, after):
    for name in ("modes", "autocast", "grad mode"):
        assert before[name] == after[name]
    assert torch.equal(before["rng"], after["rng"])
    for k, v in before["state"].items():
        assert torch.equal(v, after["state"][k]), k
    for one, two in zip(before["grads"], after["grads"], strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            assert one[0] == two[0]
            assert torch.equal(one[1], two[1])


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("around", ["nothing", "no_grad", "autocast", "inference"])
def test_saliency_leaves_everything_as_it_was(train, mode, around):
    model, (images, labels) = network(), batch()
    getattr(model, mode)()
    model[1].train(False)  # a layer that the user has frozen
    functional.cross_entropy(model(images), labels).backward()
    contexts = {
        "nothing": torch.enable_grad,
        "no_grad": torch.no_grad,
        "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        "inference": torch.inference_mode,
    }
    with contexts[around]():
        before = snapshot(model)
        with input_saliency(model, images, labels, train=train) as saliency:
            assert saliency.shape == (8, 8, 8)
            assert not saliency.requires_grad
        assert_same(before, snapshot(model))
    assert not images.requires_grad
    assert images.grad is None


def test_saliency_leaves_everything_when_the_loss_fails():
    model, (images, labels) = network(), batch()
    before = snapshot(model)

    def fails(logits, labels):
        raise RuntimeError("no loss today")

    failing = input_saliency(model, images, labels, fails, train=True)
    with pytest.raises(RuntimeError, match="today"), failing:
        pass
    assert_same(before, snapshot(model))


def test_whatever_is_done_within_is_undone():
    model, (images, labels) = network(), batch()
    functional.cross_entropy(model(images), labels).backward()
    before = snapshot(model)
    with undisturbed(model):
        model.eval()
        torch.rand(7)
        functional.cross_entropy(model.train()(images), labels).backward()
    assert_same(before, snapshot(model))


def test_saliency_is_the_gradient_of_the_loss():
    model, (images, labels) = network().eval(), batch()
    leaf = images.clone().requires_grad_()
    functional.cross_entropy(model(leaf), labels, reduction="sum").backward()
    expected = leaf.grad.square().sum(1).sqrt()
    with input_saliency(model, images, labels) as saliency:
        torch.testing.assert_close(saliency, expected)
    rows = torch.eye(5)[labels]
    with input_saliency(model, images, rows, soft_cross_entropy, scale=16.0) as saliency:
        torch.testing.assert_close(saliency / 2, expected)
    with pytest.raises(TypeError, match="floats"), input_saliency(model, images.byte(), labels):
        pass
    with pytest.raises(ValueError, match="channels"):
        gradient_norm(torch.rand(3, 4))


def test_tiny_gradients_keep_their_ratios():
    gradient = torch.tensor([[[3.0, 0.0], [4.0, 1.0]]])
    torch.testing.assert_close(gradient_norm(gradient * 1e-30) * 1e30, gradient_norm(gradient))
    assert gradient_norm(gradient.half()).dtype == torch.float32
    assert gradient_norm(0 * gradient).tolist() == [[0.0, 0.0]]


@given(rng=numbers())
def test_losses_are_those_of_the_formulas(rng):
    logits, rows = rng.normal(size=(4, 5)) * 3, rng.dirichlet(np.ones(5), 4)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    tensors = torch.tensor(logits, dtype=torch.float32), torch.tensor(rows)
    ce = -(rows * np.log(p)).sum(1).mean()
    bce = -(rows * np.log(p) + (1 - rows) * np.log1p(-p)).mean()
    assert soft_cross_entropy(*tensors).item() == pytest.approx(ce, rel=1e-4)
    assert softmax_binary_cross_entropy(*tensors).item() == pytest.approx(bce, rel=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert soft_cross_entropy(*tensors).dtype == torch.float32
        assert softmax_binary_cross_entropy(*tensors).dtype == torch.float32


def test_the_binary_loss_keeps_its_digits_where_a_class_is_nearly_certain():
    logits = np.array([[-2.955, -7.068, -3.066, -8.088, 8.79]])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rows = np.full((1, 5), 0.2)
    bce = -(rows * np.log(p) + (1 - rows) * np.log1p(-p)).mean()
    found = softmax_binary_cross_entropy(torch.tensor(logits).float(), torch.tensor(rows))
    assert found.item() == pytest.approx(bce, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_accuracy_of_mixed_samples_is_the_part_of_the_predicted_class(dtype):
    generator = torch.Generator().manual_seed(0)
    logits = torch.rand(6, 4, generator=generator).to(dtype)
    rows = torch.rand(6, 4, generator=generator).softmax(1)
    hits = [float(rows[i, logits[i].argmax()]) for i in range(6)]
    found = soft_accuracy(logits, rows, reduction="none")
    assert found.tolist() == pytest.approx(hits)
    assert soft_accuracy(logits, rows).item() == pytest.approx(sum(hits) / 6)
    right = functional.one_hot(logits.argmax(1), 4)
    assert soft_accuracy(logits, right) == 1
    torchmetrics = pytest.importorskip("torchmetrics")
    metric = torchmetrics.MeanMetric()
    for part in found.split(4):
        metric.update(part)
    assert metric.compute().item() == pytest.approx(sum(hits) / 6)


def test_accuracy_is_of_rows():
    with pytest.raises(ValueError, match="one_hot"):
        soft_accuracy(torch.rand(3, 2), torch.arange(3))
    with pytest.raises(ValueError, match="reduction must be one of"):
        soft_accuracy(torch.rand(3, 2), torch.rand(3, 2), reduction="sum")


@pytest.mark.parametrize("kind", [CoMixup, PuzzleMix])
@pytest.mark.parametrize("loss", ["bce", "ce", soft_cross_entropy])
def test_a_step_is_the_published_one(kind, loss):
    """Clean pass, saliency, mixed pass, by hand; batch norm sees both, gradients add up."""
    options = CO if kind is CoMixup else {"grids": (2,), "seed": 0}
    by_hand, by_step = network(dropout=0.0), network(dropout=0.0)
    images, labels = batch()
    mix = kind(num_classes=5, **options)
    leaf = images.clone().requires_grad_()
    clean = 2 * 0.7 * functional.cross_entropy(by_hand(leaf), labels) / 5
    clean.backward()
    mixed, rows = mix(images, labels, leaf.grad.square().sum(1).sqrt(), step=4)
    losses = {"bce": softmax_binary_cross_entropy, "ce": soft_cross_entropy}
    mixed_loss = losses.get(loss, loss)(by_hand(mixed), rows)
    mixed_loss.backward()
    result = training_step(
        by_step, images, labels, kind(**options), loss=loss, clean_weight=0.7, step=4
    )
    torch.testing.assert_close(result.clean_loss, clean.detach())
    torch.testing.assert_close(result.mixed_loss, mixed_loss.detach())
    torch.testing.assert_close(result.loss, (clean + mixed_loss).detach())
    for one, two in zip(by_hand.parameters(), by_step.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)
    for one, two in zip(by_hand.buffers(), by_step.buffers(), strict=True):
        torch.testing.assert_close(one, two)
    assert images.grad is None
    assert not result.logits.requires_grad


def test_gradients_accumulate_once_per_call():
    model, (images, labels) = network(dropout=0.0).eval(), batch()
    model.train = lambda mode=True: model  # batch norm stays as it is: both calls see one model
    mix = CoMixup(**CO)
    training_step(model, images, labels, mix, step=0)
    once = [p.grad.clone() for p in model.parameters()]
    training_step(model, images, labels, mix, step=0)
    for p, gradient in zip(model.parameters(), once, strict=True):
        torch.testing.assert_close(p.grad, 2 * gradient)


@pytest.mark.parametrize("mix", [InputMixup(seed=0), CutMix(seed=0), CoMixup(prob=0.0, **CO)])
def test_no_clean_pass_where_saliency_has_no_use(mix):
    passes = []
    model, (images, labels) = network(), batch()
    model.register_forward_hook(lambda *_: passes.append(1))
    result = training_step(model, images, labels, mix)
    assert len(passes) == 1
    assert result.clean_loss == 0
    assert mix.step == 1


def test_the_choice_is_made_before_the_passes():
    passes, chosen = [], set()
    model, (images, labels) = network(), batch()
    model.register_forward_hook(lambda *_: passes.append(1))
    mix = RandomChoice([CutMix(), CoMixup(**CO)], seed=0)
    for _ in range(8):
        passes.clear()
        plan = training_step(model, images, labels, mix).plan
        assert len(passes) == (1 if type(plan).__name__ == "BoxPlan" else 2)
        chosen.add(len(passes))
    assert chosen == {1, 2}


def test_without_clean_loss_saliency_leaves_no_trace():
    model, (images, labels) = network(dropout=0.0), batch()
    plain = network(dropout=0.0)
    result = training_step(model, images, labels, CoMixup(**CO), clean_weight=0.0, step=0)
    assert result.clean_loss == 0
    rows = result.plan.apply_labels(labels.numpy(), num_classes=5)
    mixed = torch.from_numpy(result.plan.apply(images.numpy()))
    softmax_binary_cross_entropy(plain(mixed), torch.from_numpy(rows)).backward()
    for one, two in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)
    for one, two in zip(model.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, two)


def test_autocast_and_scaled_losses():
    images, labels = batch()
    results = {}
    for name, options in {
        "plain": {},
        "amp": {"amp": torch.bfloat16},
        "scaled": {"scale": lambda value: 1024 * value},
    }.items():
        model = network(dropout=0.0)
        result = training_step(model, images, labels, CoMixup(**CO), step=0, **options)
        results[name] = result, [p.grad for p in model.parameters()]
    assert results["amp"][0].logits.dtype == torch.bfloat16
    assert results["amp"][0].loss.dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")
    for one, two in zip(results["plain"][1], results["scaled"][1], strict=True):
        torch.testing.assert_close(1024 * one, two)
    torch.testing.assert_close(results["plain"][0].loss, results["scaled"][0].loss)


@pytest.mark.parametrize("kind", [CoMixup, PuzzleMix])
def test_a_scaler_gets_to_skip_the_step_that_overflows(kind):
    options = CO if kind is CoMixup else {"grids": (2,), "seed": 0}
    torch.manual_seed(0)
    model, (images, labels) = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)), batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    result = training_step(
        model, images, labels, kind(**options), clean_weight=1e5, scale=scaler.scale
    )
    assert not all(p.grad.isfinite().all() for p in model.parameters())
    assert torch.isfinite(result.loss)
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**126
    for p, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, value)


class GradientTimes(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor, self.inner = factor[:, None, None, None], network(dropout=0.0)

    def forward(self, images):
        if images.requires_grad:
            images.register_hook(lambda gradient: gradient * self.factor)
        return self.inner(images)


@pytest.mark.parametrize("bad", [torch.inf, torch.nan, 3e38])
def test_only_samples_that_overflow_are_uniform(bad):
    images, labels = batch()
    factor = torch.ones(8)
    factor[2] = bad
    model, clean = GradientTimes(factor), network(dropout=0.0)
    options = {"clean_weight": 2.5, "scale": lambda value: 2.0**20 * value}  # 2 * 2.5 / 5 is 1
    found = training_step(model, images, labels, CoMixup(**CO), step=0, **options)
    leaf = images.clone().requires_grad_()
    functional.cross_entropy(clean(leaf), labels).backward()
    saliency = gradient_norm(leaf.grad)
    saliency[2] = 1
    expected = CoMixup(**CO).mix(images, None, saliency, step=0)
    np.testing.assert_array_equal(found.plan.sources, expected.plan.sources)
    if not np.isfinite(bad):  # 3e38 is too much only when it is scaled
        with pytest.raises(ValueError, match=r"sample 2 \(not finite\)"):
            training_step(model, images, labels, CoMixup(zero_saliency="raise", **CO))


def test_bad_steps_are_refused():
    model, (images, labels) = network(), batch()
    with pytest.raises(ValueError, match="loss must be"):
        training_step(model, images, labels, CoMixup(**CO), loss="mse")
    with pytest.raises(ValueError, match="clean_weight"):
        training_step(model, images, labels, CoMixup(**CO), clean_weight=-1)
    with pytest.raises(TypeError, match="images"):
        training_step(model, images.numpy(), labels, CoMixup(**CO))


# one step ahead


def test_batches_are_those_of_mixing_in_turn():
    data = [batch(n, seed) for seed, n in enumerate((8, 8, 5))]

    def saliency(images, labels):
        return images.sum(dim=1)

    for make in (lambda: CoMixup(num_classes=5, **CO), lambda: CutMix(num_classes=5, seed=3)):
        mix = make()
        expected = [mix(images, labels, saliency(images, labels)) for images, labels in data]
        with PlanAhead(make()) as ahead:
            found = list(ahead.batches(iter(data), saliency))
        assert len(found) == 3
        for (images, rows), other in zip(expected, found, strict=True):
            assert torch.equal(images, other.images)
            assert torch.equal(rows, other.labels)
    with PlanAhead(CutMix(num_classes=5)) as ahead:
        assert list(ahead.batches([])) == []


def test_the_next_plan_is_made_while_this_batch_is_out(monkeypatch):
    threads = []
    mix = CoMixup(num_classes=5, **CO)
    solve = type(mix.mixer).solve

    def noting(self, summary, key):
        threads.append((key.step, threading.current_thread().name))
        return solve(self, summary, key)

    monkeypatch.setattr(type(mix.mixer), "solve", noting)
    data = [batch(8, seed) for seed in range(3)]
    ahead = PlanAhead(mix)
    batches = ahead.batches(data)
    next(batches)
    ahead.close()  # finishes what was begun
    assert [step for step, _ in threads] == [0, 1]
    assert all(name.startswith("comixup-plan") for _, name in threads)


def test_errors_of_the_thread_reach_the_caller():
    with PlanAhead(CoMixup(zero_saliency="raise", **CO)) as ahead:
        images, _ = batch()
        mixed = ahead.submit(images, torch.zeros(8, 8, 8))
        with pytest.raises(ValueError, match="zero"):
            mixed(None)
        again = ahead.submit(images, images.sum(dim=1), step=7, rank=1, epoch=0)
        assert again(None).plan.keys.tolist() == [[7, 2**32], [7, 2**32 + 1]]
