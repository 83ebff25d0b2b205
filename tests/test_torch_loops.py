"""What other people's training loops do to mixers: workers, compilation, odd models and samples."""

import copy
import importlib
import inspect
import io
import itertools
import os
import pickle
import random
import shutil
import warnings

import numpy as np
import pytest
from torchvision_here import torchvision

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils.data import DataLoader, default_collate  # noqa: E402

import comixup  # noqa: E402
import comixup.torch  # noqa: E402
from comixup import CoMixup as OfArrays  # noqa: E402
from comixup.torch import (  # noqa: E402
    AdaMixUp,
    CutMix,
    InputMixup,
    MixCollate,
    PlanAhead,
    PuzzleMix,
    RandomChoice,
    apply,
    input_saliency,
    mixed_at,
    training_step,
)
from comixup.torch.recorded import AVAILABLE, KEPT  # noqa: E402

CO = {"group_size": 4, "grid": 2, "effort": "fast", "seed": 0}
SMALL = {"CoMixup": CO, "PuzzleMix": {"grids": (2,), "seed": 0}, "InputMixup": {"seed": 0},
         "CutMix": {"seed": 0}}  # fmt: skip


def make(name, **options):
    return getattr(comixup.torch, name)(**SMALL[name], **options)


# when Dynamo forgets what it compiled, its callbacks may delete a name twice
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
GRAPHS = pytest.mark.skipif(not AVAILABLE, reason="this PyTorch has no operators of Python")


def batch(n=8, classes=5):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, 3, 8, 8, generator=generator)
    return images, torch.randint(0, classes, (n,), generator=generator)


def network(classes=5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, classes))


# signatures


@pytest.mark.parametrize("name", SMALL)
def test_options_are_those_of_arrays_by_name_and_default(name):
    ours = inspect.signature(getattr(comixup.torch, name)).parameters
    theirs = inspect.signature(getattr(comixup, name)).parameters
    assert set(ours) == set(theirs)
    for option, parameter in ours.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.annotation == theirs[option].annotation or option == "num_classes"
        if option == "zero_saliency":
            assert (parameter.default, theirs[option].default) == ("warn", "raise")
        else:
            assert parameter.default == theirs[option].default
    described = getattr(comixup.torch, name).__doc__
    assert "Parameters\n" in described
    assert all(option in described for option in ours)


# samples without saliency


class Confident(nn.Module):
    """Logits so large that the gradient of their loss is exactly zero for some samples."""

    def __init__(self, which):
        super().__init__()
        self.inner, self.which = network(), which

    def forward(self, images):
        factor = torch.ones(len(images))
        factor[self.which] = 0
        return self.inner(images * factor[:, None, None, None])


@pytest.mark.parametrize("name", ["CoMixup", "PuzzleMix"])
def test_samples_without_saliency_are_mixed_with_one_warning_that_counts(name):
    images, labels = batch()
    saliency = torch.ones(8, 8, 8)
    saliency[1] = 0
    saliency[5, 2, 2] = torch.nan
    mix = make(name, num_classes=5)
    with pytest.warns(UserWarning, match="2 of 8 samples have no saliency") as said:
        first, _ = mix(images, labels, saliency, step=0)
    uniform = saliency.clone()
    uniform[[1, 5]] = 1
    assert torch.equal(first, mix(images, labels, uniform, step=0)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mix(images, labels, saliency)
    assert len(said) == 1
    assert mix.n_uniform == 4
    with pytest.raises(ValueError, match=r"samples 1 \(zero\), 5 \(not finite\)"):
        make(name, num_classes=5, zero_saliency="raise")(images, labels, saliency)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(name, num_classes=5, zero_saliency="uniform")(images, labels, saliency)


@pytest.mark.parametrize("clean_weight", [0.0, 1.0])
def test_a_confident_sample_does_not_end_the_run(clean_weight):
    model, (images, labels) = Confident([2, 3]), batch()
    with pytest.warns(UserWarning, match="2 of 8 samples"):
        result = training_step(model, images, labels, make("CoMixup"), clean_weight=clean_weight)
    assert torch.isfinite(result.loss)


class DeadUnits(nn.Module):
    """A layer whose ReLUs are dead for dark images: their loss has a gradient of exactly zero."""

    def __init__(self, below):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 4, 8), nn.Linear(4, 5)
        nn.init.constant_(self.first.weight, 1.0)
        nn.init.constant_(self.first.bias, -below)

    def forward(self, images):
        return self.last(functional.relu(self.first(images)).flatten(1))


@pytest.mark.parametrize("clean_weight", [0.0, 1.0])
@pytest.mark.parametrize("dead", [(2, 5), tuple(range(8))], ids=["some", "all"])
@pytest.mark.parametrize("name", ["CoMixup", "PuzzleMix"])
def test_dead_units_do_not_end_the_run(name, dead, clean_weight):
    images, labels = batch()
    images[list(dead)] *= 0.01
    model, mix = DeadUnits(below=10.0), make(name)
    with pytest.warns(UserWarning, match=f"{len(dead)} of 8 samples have no saliency"):
        training_step(model, images, labels, mix, clean_weight=clean_weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # which is said once
        result = training_step(model, images, labels, mix, clean_weight=clean_weight)
    assert torch.isfinite(result.loss)
    assert mix.n_uniform == 2 * len(dead)
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("clean_weight", [0.0, 1.0])
def test_half_precision_without_a_scaler_does_not_end_the_run(clean_weight):
    images, labels = batch()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.Linear(16, 5)).half()
    with torch.no_grad():
        for layer in model[1:]:  # gradients of the images are below the smallest half
            layer.weight *= 1e-4
    with pytest.warns(UserWarning, match="8 of 8 samples have no saliency"):
        result = training_step(
            model, images.half(), labels, make("CoMixup"), clean_weight=clean_weight
        )
    assert torch.isfinite(result.loss)


def test_a_blank_picture_does_not_end_the_run():
    images, labels = batch()
    images[3] = 0.5
    with pytest.warns(UserWarning, match="1 of 8 samples"):
        make("CoMixup", num_classes=5)(images, labels)
    with pytest.warns(UserWarning, match="1 of 8 samples"):
        OfArrays(grid=2, zero_saliency="warn")(images.numpy())
    with pytest.raises(ValueError, match="sample 3"):
        OfArrays(grid=2)(images.numpy())


# workers


class Same(torch.utils.data.Dataset):
    def __len__(self):
        return 96

    def __getitem__(self, i):
        return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(i)), i % 4


def boxes_of_epochs(workers, mix, epochs=2):
    def collate(samples):
        return mix.mix(*default_collate(samples)).plan.boxes[0].tolist()

    torch.manual_seed(5)
    loader = DataLoader(Same(), batch_size=4, num_workers=workers, collate_fn=collate)
    return [str(box) for _ in range(epochs) for box in loader]


@pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:.*fork")
def test_a_mixer_in_a_collate_function_does_not_repeat_itself():
    found = boxes_of_epochs(2, CutMix(num_classes=4, seed=0))
    assert len(found) == 48
    assert len(set(found)) > 30  # 2 workers and an epoch made 12 before
    assert found == boxes_of_epochs(2, CutMix(num_classes=4, seed=0))  # torch.manual_seed decides
    assert found != boxes_of_epochs(2, CutMix(num_classes=4, seed=1))
    alone = boxes_of_epochs(0, CutMix(num_classes=4, seed=0))
    assert len(set(alone)) > 30


def test_seeds_follow_those_of_torch():
    images, _ = batch()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(CutMix()(images)[0])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def seeding_of_lightning():
    """Return `seed_everything`, or what it does where Lightning is not installed."""
    try:
        return importlib.import_module("lightning.pytorch").seed_everything
    except RuntimeError:  # it imports torchvision, whose operators are missing
        torchvision()
        return importlib.import_module("lightning.pytorch").seed_everything
    except ImportError:

        def seed_everything(seed, workers=False):
            os.environ.update(PL_GLOBAL_SEED=str(seed), PL_SEED_WORKERS=str(int(workers)))
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)

        return seed_everything


@pytest.mark.parametrize("name", SMALL)
def test_seeds_follow_seed_everything(name, monkeypatch):
    for variable in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
        monkeypatch.setenv(variable, "")  # what is set is removed again
    seed_everything, options = seeding_of_lightning(), {**SMALL[name], "seed": None}
    images, _ = batch()
    found = []
    for seed in (7, 7, 8):
        seed_everything(seed, workers=True)
        mix = getattr(comixup.torch, name)(**options)
        assert mix.seed == seed
        found.append([mix(images).images for _ in range(3)])
    assert all(torch.equal(*pair) for pair in zip(found[0], found[1], strict=True))
    assert not all(torch.equal(*pair) for pair in zip(found[0], found[2], strict=True))
    assert not torch.equal(found[0][0], found[0][1])
    seed_everything(9)
    assert mix.seed == 8  # that of a mixer is fixed when it is made


def test_state_dicts_continue_a_run():
    images, _ = batch()
    mix = CutMix(seed=3)
    mix(images)
    mix.mixup_enabled = False
    state = pickle.loads(pickle.dumps(mix.state_dict()))
    mix.mixup_enabled = True
    expected = mix(images)[0]
    other = CutMix()
    other.load_state_dict(state)
    assert not other.mixup_enabled
    other.mixup_enabled = True
    assert torch.equal(other(images)[0], expected)
    for bad in ({}, {"seed": 1}, {**state, "more": 0}):
        with pytest.raises(ValueError, match="state needs the entries seed, step, mixup_enabled"):
            other.load_state_dict(bad)
    with pytest.raises(ValueError, match="step"):
        other.load_state_dict({**state, "step": -1})
    other.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    assert other.state_dict() == state


class Run:
    """A training run whose whole state is in its checkpoints."""

    def __init__(self, kind, workers, seed):
        torch.manual_seed(seed)
        self.kind, self.workers, self.epoch, self.batch = kind, workers, 0, 0
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
        if kind == "AdaMixUp":
            self.mix = comixup.torch.AdaMixUp(num_classes=5, width=2)
        elif kind == "choice":
            self.mix = RandomChoice([make(m, num_classes=5) for m in ("CutMix", "CoMixup")])
        else:
            self.mix = make(kind, num_classes=5)
        learned = self.mix.parameters() if kind == "AdaMixUp" else ()
        parameters = [*self.model.parameters(), *learned]
        self.optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)

    def parts(self):
        return self.model, self.optimizer, self.mix

    def checkpoint(self):
        where = {"epoch": self.epoch, "batch": self.batch, "torch": torch.get_rng_state()}
        file = io.BytesIO()
        torch.save({**where, "parts": [part.state_dict() for part in self.parts()]}, file)
        return file.getvalue()

    def restore(self, saved):
        state = torch.load(io.BytesIO(saved))
        self.epoch, self.batch = state["epoch"], state["batch"]
        for part, values in zip(self.parts(), state["parts"], strict=True):
            part.load_state_dict(values)
        torch.set_rng_state(state["torch"])

    def batches(self, door):
        images, labels = batch(24)
        data = torch.utils.data.TensorDataset(images, labels)
        options = {"batch_size": 8, "shuffle": True, "num_workers": self.workers}
        options["generator"] = torch.Generator().manual_seed(self.epoch)
        if door == "collate":
            options["collate_fn"] = MixCollate(self.mix)
        loader = DataLoader(data, **options)
        rest = itertools.islice(loader, self.batch, None)
        return PlanAhead(self.mix).batches(rest, epoch=self.epoch) if door == "ahead" else rest

    def train(self, door, stop=None):
        while self.epoch < 2:
            for images, labels in self.batches(door):
                self.optimizer.zero_grad()
                if door == "step":
                    training_step(self.model, images, labels, self.mix, epoch=self.epoch)
                else:
                    mixed = self.mix(images, labels) if door == "call" else (images, labels)
                    functional.cross_entropy(self.model(mixed[0]), mixed[1]).backward()
                self.optimizer.step()
                self.batch += 1
                if (self.epoch, self.batch) == stop:
                    return self.checkpoint()
            self.epoch, self.batch = self.epoch + 1, 0
        return self.checkpoint()


@pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:.*fork")
@pytest.mark.parametrize(("door", "kind", "workers"), [
    *(("step", kind, 0) for kind in (*SMALL, "choice", "AdaMixUp")),
    ("call", "CutMix", 0), ("call", "CoMixup", 2), ("collate", "CoMixup", 2),
    ("collate", "choice", 0), ("ahead", "CutMix", 0), ("ahead", "CoMixup", 2),
])  # fmt: skip
def test_a_run_resumed_within_an_epoch_ends_as_one_that_was_not_stopped(door, kind, workers):
    whole = Run(kind, workers, seed=1)
    expected = whole.train(door)
    first = Run(kind, workers, seed=1)
    saved = first.train(door, stop=(1, 1))
    torch.manual_seed(77)  # another process
    resumed = Run(kind, workers, seed=2)
    resumed.restore(saved)
    resumed.train(door)
    for one, two in zip(whole.parts(), resumed.parts(), strict=True):
        torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)
    assert expected == whole.checkpoint()
    assert whole.mix.step == (0 if door == "collate" else 6)


@pytest.mark.parametrize("name", ["CoMixup", "CutMix"])
@pytest.mark.parametrize("loss", ["bce", "ce"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_overflow_give_nan_which_a_scaler_skips(name, loss, bad):
    class Overflows(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network()

        def forward(self, images):
            return self.network(images) * bad

    images, labels = batch()
    model, scaler = Overflows(), torch.amp.GradScaler("cpu", init_scale=4.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    before = [p.detach().clone() for p in model.parameters()]
    mix = make(name, zero_saliency="uniform") if name == "CoMixup" else make(name)
    result = training_step(model, images, labels, mix, loss=loss, scale=scaler.scale)
    assert result.mixed_loss.isnan()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0
    for p, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, old)


# torch.compile


@pytest.mark.parametrize("name", ["CoMixup", "CutMix", "InputMixup"])
def test_compiled_functions_may_mix(name):
    images, labels = batch()
    saliency = images.sum(1)
    mix = make(name, num_classes=5)
    expected = mix(images, labels, saliency, step=4)

    @torch.compile(backend="eager")
    def double(images, labels):
        mixed, rows = mix(2 * images, labels, saliency, step=4)
        return mixed / 2, rows

    mixed, rows = double(images, labels)
    torch.testing.assert_close(mixed, expected.images)
    torch.testing.assert_close(rows, expected.labels)
    again = torch.compile(mix, backend="eager")(images, labels, saliency, step=4)
    assert torch.equal(again[0], expected.images)


# Dynamo looks whether its inputs have gradients; it hides the warning, but not where it is an error
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_compiled_training_step_and_collate():
    model, (images, labels) = network(), batch()
    expected = training_step(model, images, labels, make("CoMixup"), step=0)
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    mix = make("CoMixup")

    def step():
        return training_step(model, images, labels, mix, step=0).loss

    assert torch.compile(step, backend="eager")() == expected.loss
    for p, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(p.grad, gradient)
    compiled = torch.compile(model, backend="eager")
    result = training_step(compiled, images, labels, make("CoMixup"), step=0)
    torch.testing.assert_close(result.loss, expected.loss)

    def saliency():
        with input_saliency(model, images, labels) as found:
            return found + 0

    torch.testing.assert_close(torch.compile(saliency, backend="eager")(), saliency())
    collate = MixCollate(make("CutMix", num_classes=5))
    samples = [(x, int(y)) for x, y in zip(images, labels, strict=True)]
    mixed, _ = torch.compile(collate, backend="eager")(samples)
    assert torch.equal(mixed, collate(samples)[0])


@GRAPHS
@pytest.mark.parametrize("name", ["CoMixup", "PuzzleMix", "CutMix", "InputMixup", "choice"])
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_graph_without_breaks_mixes_as_its_mixer(name, backend):
    torch._dynamo.reset()
    if name == "choice":
        mix = RandomChoice(
            [make(m, num_classes={"kind": 5}) for m in ("CutMix", "CoMixup")], seed=2
        )
    else:
        mix = make(name, num_classes={"kind": 5})
    images, labels = batch()
    heads = {"kind": labels, "tags": torch.rand(len(labels), 3)}
    last = images.to(memory_format=torch.channels_last)
    for given, saliency in ((images, None), (last, images.sum(1))):
        whole = torch.compile(mix, backend=backend, fullgraph=True)
        mix.step = 0
        found = [whole(given, heads, saliency) for _ in range(3)]
        assert mix.step == 3
        for step, mixed in enumerate(found):
            expected = mix(given, heads, saliency, step=step)
            assert torch.equal(mixed.images, expected.images)
            assert all(torch.equal(mixed.labels[k], expected.labels[k]) for k in heads)
            assert torch.equal(apply(mixed.plan, given), mixed.images)
    images = images.double()
    weights, one, two = torch.rand_like(images), images.clone(), images.clone()
    (mix(one.requires_grad_(), step=1).images * weights).sum().backward()
    whole = torch.compile(lambda x: mix(x, step=1)[0] * weights, backend=backend, fullgraph=True)
    whole(two.requires_grad_()).sum().backward()
    torch.testing.assert_close(one.grad, two.grad)


@GRAPHS
@pytest.mark.filterwarnings("ignore")  # what the default backend warns of is not ours
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")
def test_the_default_backend_mixes_as_its_mixer():
    torch._dynamo.reset()
    mix, co = make("CutMix", num_classes=5), make("CoMixup")
    model, (images, labels) = network(), batch()

    def loss(images, labels):
        mixed, rows = mix(2 * images, labels)
        return functional.cross_entropy(model(mixed - 1), rows)

    mix.step = 3
    expected = loss(images, labels)
    expected.backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    mix.step = 3
    found = torch.compile(loss, fullgraph=True)(images, labels)
    found.backward()
    torch.testing.assert_close(found, expected)
    for p, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(p.grad, gradient)
    plain = training_step(model, images, labels, co, step=5)

    def step():
        return training_step(model, images, labels, co, step=5).loss

    torch.testing.assert_close(torch.compile(step)(), plain.loss)
    torch.testing.assert_close(
        training_step(torch.compile(model), images, labels, co, step=5).loss, plain.loss
    )
    collate = MixCollate(make("CutMix", num_classes=5))
    samples = [(x, int(y)) for x, y in zip(images, labels, strict=True)]
    assert torch.equal(torch.compile(collate)(samples)[0], collate(samples)[0])


@GRAPHS
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", ["CoMixup", "CutMix"])
def test_traced_and_exported_functions_draw_anew(name):
    class Mixing(nn.Module):
        def forward(self, images, labels):
            return tuple(mix(images, labels))

    mix, (images, labels) = make(name, num_classes=5), batch()
    traced = torch.jit.trace(Mixing(), (images, labels), check_trace=False)
    exported = torch.export.export(Mixing(), (images, labels)).module()
    for recorded in (traced, exported):
        mix.step = 0
        found = [recorded(images, labels) for _ in range(3)]
        for step, (mixed, rows) in enumerate(found):
            expected = mix(images, labels, step=step)
            assert torch.equal(mixed, expected.images)
            assert torch.equal(rows, expected.labels)


@GRAPHS
def test_plans_of_graphs_are_there_for_a_while():
    images, _ = batch()
    mix = make("CutMix")
    whole = torch.compile(mix, backend="eager", fullgraph=True)
    made = [whole(images) for _ in range(KEPT + 2)]
    assert made[2].plan is made[2].plan
    assert torch.equal(apply(made[-1].plan, images), made[-1].images)
    with pytest.raises(RuntimeError, match="is no longer here"):
        len(made[0].plan)
    with pytest.raises(RuntimeError, match="is not in this process"):
        torch.ops.comixup.mix(images, [], None, None, None, 10**9, None, None, 0, None)


@GRAPHS
def test_graphs_tell_copies_of_mixers_apart():
    images, labels = batch()
    mix = make("CutMix", num_classes=5)
    for other in (copy.copy(mix), copy.deepcopy(mix), pickle.loads(pickle.dumps(mix))):
        other.seed = 77
        mixed = torch.compile(other, backend="eager", fullgraph=True)(images, labels, step=0)
        assert torch.equal(mixed.images, other(images, labels, step=0).images)
        assert not torch.equal(mixed.images, mix(images, labels, step=0).images)


@GRAPHS
def test_what_no_graph_can_hold_says_how_to_do_it():
    model, (images, labels) = network(), batch()
    mix = make("CutMix", num_classes=5)
    step = torch.compile(training_step, backend="eager", fullgraph=True)
    with pytest.raises(Exception, match="compile the model and call this function from outside"):
        step(model, images, labels, mix)
    whole = torch.compile(make("CutMix"), backend="eager", fullgraph=True)
    with pytest.raises(Exception, match="num_classes is needed"):
        whole(images, labels)


# partners


@pytest.mark.parametrize("name", ["InputMixup", "CutMix", "PuzzleMix"])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_small_batches_are_always_mixed(name, n):
    images, _ = batch(n)
    mix = make(name)
    for step in range(30):
        plan = mix.mix(images, step=step).plan
        if name == "PuzzleMix":
            continue  # its share decides how much of a partner shows
        assert (plan.partner != np.arange(n)).all()
        assert sorted(plan.partner) == list(range(n))


# models


class Returning(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.inner, self.wrap = network(), wrap

    def forward(self, images):
        return self.wrap(self.inner(images))


class Output(dict):
    """As the ModelOutput of transformers: a dict whose entries are attributes."""

    def __getattr__(self, name):
        return self[name]


@pytest.mark.parametrize("clean_weight", [0.0, 1.0])
@pytest.mark.parametrize(
    "wrap",
    [lambda x: (x, x + 1), lambda x: {"logits": x}, lambda x: Output(loss=None, logits=x)],
)
def test_models_that_return_more_than_logits(wrap, clean_weight):
    images, labels = batch()
    plain = training_step(
        network(), images, labels, make("CoMixup"), clean_weight=clean_weight, step=0
    )
    found = training_step(
        Returning(wrap), images, labels, make("CoMixup"), clean_weight=clean_weight, step=0
    )
    torch.testing.assert_close(found.loss, plain.loss)
    one, two = (input_saliency(m, images, labels) for m in (Returning(wrap), network()))
    with one as found, two as expected:
        torch.testing.assert_close(found, expected)


def test_where_logits_are_can_be_said():
    images, labels = batch()
    model = Returning(lambda x: {"out": x})
    with pytest.raises(ValueError, match=r"got dict.*logits=lambda"):
        training_step(model, images, labels, make("CutMix"))
    training_step(model, images, labels, make("CoMixup"), logits=lambda out: out["out"])
    with pytest.raises(ValueError, match=r"got shape \(8, 5, 1\)"):
        training_step(Returning(lambda x: x[..., None]), images, labels, make("CutMix"))


@pytest.mark.parametrize("name", ["CoMixup", "CutMix"])
def test_too_few_logits_are_said_before_gradients_are_added(name):
    images, labels = batch(classes=5)
    labels[6] = 7
    model = network()
    with pytest.raises(ValueError, match=r"returns 5 logits.*labels\[6\] is 7"):
        training_step(model, images, labels, make(name))
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", ["CoMixup", "CutMix"])
@pytest.mark.parametrize("width", [1, 4, 6])
def test_rows_of_other_classes_are_said_before_gradients_are_added(name, width):
    images, labels = batch(classes=1)
    rows, model = nn.functional.one_hot(labels, width), network()
    with pytest.raises(ValueError, match=f"returns 5 logits.*rows of {width} classes"):
        training_step(model, images, rows, make(name))
    assert all(p.grad is None for p in model.parameters())


class Normalized(nn.Module):
    """A network that begins with what normalizes images, in place or not."""

    def __init__(self, in_place):
        super().__init__()
        self.inner, self.in_place = network(), in_place

    def forward(self, images):
        if self.in_place:
            return self.inner(images.sub_(0.5).div_(0.25))
        return self.inner(images.sub(0.5).div(0.25))


@pytest.mark.parametrize("name", [*SMALL, "AdaMixUp"])
@pytest.mark.parametrize(
    ("clean_weight", "saliency"), [(0.0, None), (1.0, None), (1.0, "spectral")]
)
@pytest.mark.parametrize("enabled", [True, False])
def test_networks_that_begin_in_place(name, clean_weight, saliency, enabled):
    images, labels = batch()
    results, gradients = [], []
    for in_place in (True, False):
        torch.manual_seed(0)
        mix = AdaMixUp(in_channels=3, seed=0) if name == "AdaMixUp" else make(name)
        mix.mixup_enabled = enabled
        model, given = Normalized(in_place), images.clone()
        options = {"clean_weight": clean_weight, "saliency": saliency}
        result = training_step(model, given, labels, mix, **options)
        assert torch.equal(given, images)
        results.append(result)
        gradients.append([p.grad for p in model.parameters()])
    one, two = results
    assert one.loss == two.loss
    assert one.mixer_loss == two.mixer_loss
    assert torch.equal(one.logits, two.logits)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_saliency_of_networks_that_begin_in_place():
    images, labels = batch()
    given = images.clone()
    one, two = (input_saliency(Normalized(k), given, labels) for k in (True, False))
    with one as found, two as expected:
        assert torch.equal(found, expected)
    assert torch.equal(given, images)


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.vmap])
def test_plans_within_transforms_of_functions_say_what_to_do(transform):
    images, labels = batch()
    several = images[None].expand(2, *images.shape)
    given = several if transform is torch.func.vmap else images
    with pytest.raises(TypeError, match=r"Mix outside.*apply\(plan, images\)"):
        transform(lambda x: make("CoMixup", num_classes=5)(x, labels).images.sum())(given)
    plan = make("CoMixup", num_classes=5)(images, labels).plan
    found = transform(lambda x: apply(plan, x).square().sum())(given)
    leaf = images.clone().requires_grad_()
    expected = apply(plan, leaf).square().sum()
    if transform is torch.func.vmap:
        torch.testing.assert_close(found, torch.stack([expected, expected]))
    else:
        torch.testing.assert_close(found, torch.autograd.grad(expected, leaf)[0])


@pytest.mark.parametrize("name", SMALL)
def test_images_without_values_are_refused(name):
    images, labels = batch()
    for other in (images.to("meta"), images.to_sparse()):
        with pytest.raises(TypeError, match="images needs a dense tensor with values"):
            make(name, num_classes=5)(other, labels)


def test_losses_of_indices_are_interpolated():
    images, labels = batch()

    def focal(logits, labels):
        p = logits.log_softmax(1).gather(1, labels[:, None])[:, 0]
        return -((1 - p.exp()) ** 2) * p

    model = network()
    result = training_step(
        model, images, labels, make("CoMixup"), loss=focal, interpolate=True, step=0
    )
    mixed = apply(result.plan, images)
    expected = result.plan.interpolate_loss(lambda y: focal(model(mixed), y), labels).mean()
    torch.testing.assert_close(result.mixed_loss, expected.detach())

    def by_class(logits, labels):  # as focal losses of kornia, a number for each class
        return focal(logits, labels)[:, None] * torch.tensor([0.0, 1, 2])

    each = result.plan.interpolate_loss(lambda y: by_class(model(mixed), y), labels)
    torch.testing.assert_close(each.mean(), expected)
    gradients = [p.grad for p in model.parameters()]
    with pytest.raises(ValueError, match="pass interpolate=True and let it return one number"):
        training_step(model, images, labels, make("CutMix"), loss=nn.NLLLoss())
    assert all(a is b for a, b in zip(gradients, [p.grad for p in model.parameters()], strict=True))
    with pytest.raises(ValueError, match="reduction='none'"):
        training_step(model, images, labels, make("CutMix"), loss="ce", interpolate=True)


@pytest.mark.parametrize("clean_weight", [0.0, 1.0])
@pytest.mark.parametrize("frozen", [True, False])
def test_models_that_detach_their_input_are_pointed_to(clean_weight, frozen):
    class Detaching(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network().requires_grad_(not frozen)

        def forward(self, images):
            return self.inner(images.detach())

    images, labels = batch()
    with pytest.raises(ValueError, match=r"model detaches them.*'spectral'"):
        training_step(Detaching(), images, labels, make("CoMixup"), clean_weight=clean_weight)
    saliency = input_saliency(Detaching(), images, labels)
    with pytest.raises(ValueError, match="model detaches them"), saliency:
        pass


def test_inputs_by_name_are_mixed():
    class Layer(nn.Module):
        def forward(self, *, hidden, other=None, scale=1.0):
            return scale * hidden + (0 if other is None else other)

    plan = comixup.BlendPlan([1, 0], [0.75, 0.75], ())
    hidden = torch.tensor([[4.0], [8.0]])
    layer = Layer()
    with mixed_at(layer, plan):
        assert layer(hidden=hidden, scale=2.0).tolist() == [[10.0], [14.0]]
        with pytest.raises(ValueError, match=r"2 tensors of 2 entries.*keyword="):
            layer(hidden=hidden, other=hidden)
    with mixed_at(layer, plan, "other"):
        assert layer(hidden=hidden, other=hidden).tolist() == [[9.0], [15.0]]
        with pytest.raises(ValueError, match="no input named 'other'; it got 'hidden'"):
            layer(hidden=hidden)


# what is asked for: several heads, values, some of the images


@pytest.mark.parametrize("name", SMALL)
def test_several_heads(name):
    images, labels = batch()
    heads = {"kind": labels, "tags": torch.rand(8, 3)}
    mix = make(name, num_classes={"kind": 5})
    rows = mix(images, heads, images.sum(1)).labels
    plan = mix.mix(images, heads, images.sum(1), step=0).plan
    shares = torch.as_tensor(plan.shares, dtype=torch.float32)
    torch.testing.assert_close(rows["kind"], shares @ functional.one_hot(labels, 5).float())
    torch.testing.assert_close(rows["tags"], shares @ heads["tags"])
    there = mix.mixer.mix(
        images.numpy(), {k: v.numpy() for k, v in heads.items()}, images.sum(1).numpy()
    )
    for head in heads:
        assert there.labels[head].shape == rows[head].shape
    with pytest.raises(ValueError, match="lacks the head 'kind'"):
        mix(images, {"tags": heads["tags"]}, images.sum(1))
    with pytest.raises(TypeError, match="needs a dict"):
        mix(images, labels, images.sum(1))


@pytest.mark.parametrize("name", SMALL)
def test_regression_targets(name):
    images, _ = batch()
    generator = torch.Generator().manual_seed(1)
    for shape in ((8,), (8, 2), (8, 2, 3)):
        values = torch.randn(shape, generator=generator)
        mix = make(name, targets="values")
        out = mix.mix(images, values, images.sum(1))
        shares = torch.as_tensor(out.plan.shares, dtype=torch.float32)
        torch.testing.assert_close(out.labels, torch.einsum("ij,j...->i...", shares, values))
        there = out.plan.apply_values(values.numpy())
        np.testing.assert_allclose(out.labels.numpy(), there, atol=1e-6)
    with pytest.raises((ValueError, TypeError), match="targets='values'"):
        make(name)(images, values[:, 0, 0], images.sum(1))
    with pytest.raises(ValueError, match="no num_classes"):
        make(name, targets="values", num_classes=3)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("image_prob", [0.0, 0.4, 1.0])
def test_each_image_is_mixed_with_a_probability(name, image_prob):
    images, labels = batch(40)
    mix = make(name, num_classes=5, image_prob=image_prob)
    plain = make(name, num_classes=5)
    kept = 0
    for step in range(5):
        found = mix.mix(images, labels, images.sum(1), step=step)
        whole = plain.mix(images, labels, images.sum(1), step=step)
        for j in range(40):
            same = torch.equal(found.images[j], whole.images[j])
            itself = torch.equal(found.images[j], images[j])
            assert same or itself
            own = found.plan.shares[j, j] == 1
            assert own == itself or same
            kept += own
    assert (kept == 200) == (image_prob == 0)
    if image_prob == 0.4:
        assert 80 <= kept <= 170


def test_choices_pass_their_options_on():
    images, labels = batch()
    mix = RandomChoice(
        [InputMixup(layout="BCHW", image_prob=0.0), CutMix(layout="BCHW", image_prob=0.0)], seed=0
    )
    assert torch.equal(mix(images, None)[0], images)
    with pytest.raises(ValueError, match="same layout"):
        RandomChoice([InputMixup(layout="BCHW"), CutMix()])
    assert PuzzleMix(grids=(2,), seed=0).mix(images, functional.one_hot(labels)).labels is not None


def test_steps_of_batches_that_are_planned_ahead_are_all_different():
    mix, images = CutMix(num_classes=4, seed=0), torch.rand(4, 1, 8, 8)
    drawn, batches = [], [(images, torch.arange(4))] * 3
    key = mix.key

    def counted(*given, **options):
        drawn.append(key(*given, **options))
        return drawn[-1]

    mix.key = counted
    with PlanAhead(mix) as ahead:
        for _ in zip(ahead.batches(batches), ahead.batches(batches), strict=True):
            mix(images, torch.arange(4))
    steps = [k.step for k in drawn]
    assert sorted(steps) == list(range(9))
    assert not mix.planned
    assert mix.state_dict()["step"] == 9


def test_a_run_that_is_left_early_waits_for_no_step():
    mix = CutMix(num_classes=4, seed=0)
    with PlanAhead(mix) as ahead:
        loop = ahead.batches([(torch.rand(4, 1, 8, 8), torch.arange(4))] * 3)
        next(loop)
        assert mix.state_dict()["step"] == 1
        loop.close()
    assert mix.state_dict()["step"] == 2
