"""Mixing in the workers of a DataLoader, across processes, and inside other packages."""

import typing

import numpy as np
import pytest
from torchvision_here import torchvision

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, default_collate  # noqa: E402

from comixup.torch import (  # noqa: E402
    CoMixup,
    CutMix,
    InputMixup,
    MixCollate,
    PlanAhead,
    TensorMixer,
    apply,
    apply_labels,
    training_step,
)
from comixup.torch.collate import content_key  # noqa: E402

CO = {"group_size": 4, "grid": 2, "effort": "fast", "seed": 0}


class Pictures(torch.utils.data.Dataset):
    def __init__(self, n=22, dtype=torch.uint8):
        generator = torch.Generator().manual_seed(0)
        self.images = (torch.rand(n, 3, 8, 8, generator=generator) * 255).to(dtype)
        self.masks = torch.randint(0, 9, (n, 8, 8), generator=generator)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], i % 4, self.masks[i], i


@pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:.*fork")
@pytest.mark.parametrize("mix", [CoMixup(num_classes=4, **CO), CutMix(num_classes=4, seed=0)])
def test_batches_do_not_depend_on_the_number_of_workers(mix):
    epochs = []
    for workers in (0, 1, 3):
        loader = DataLoader(
            Pictures(),
            batch_size=6,
            shuffle=True,
            num_workers=workers,
            generator=torch.Generator().manual_seed(1),
            collate_fn=MixCollate(mix, carry={2: "first", 3: "keep"}),
        )
        epochs.append([*loader])
    assert [len(batch[1]) for batch in epochs[0]] == [6, 6, 6, 4]  # an odd one at the end
    for epoch in epochs[1:]:
        for one, two in zip(epochs[0], epoch, strict=True):
            for a, b in zip(one, two, strict=True):
                assert torch.equal(a, b)
    assert epochs[0][0][0].dtype == torch.uint8


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_workers_that_are_spawned_and_kept_mix_as_this_process():
    order = [[*range(i, 22, 3)] for i in range(3)]
    spawned = {"num_workers": 2, "persistent_workers": True, "multiprocessing_context": "spawn"}
    found = []
    for workers in ({}, spawned):
        collate = MixCollate(CoMixup(num_classes=4, **CO), carry={2: "first", 3: "keep"})
        loader = DataLoader(Pictures(), batch_sampler=order, collate_fn=collate, **workers)
        found.append([batch for _ in range(2) for batch in loader])
    assert len(found[0]) == len(found[1]) == 6
    assert not torch.equal(found[0][0][0], Pictures()[0][0])
    for one, two in zip(*found, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_all_parts_of_a_batch_go_where_they_should():
    samples = [Pictures()[i] for i in range(6)]
    mix = CoMixup(num_classes=4, **CO)
    rules = {2: "first", 3: "keep"}
    collate = MixCollate(mix, carry=rules, saliency="contrast")
    images, labels, masks, index = collate(samples)
    plain = default_collate(samples)
    step = content_key(plain[0], plain[1])
    expected = mix.mix(plain[0], plain[1], "contrast", step=step)
    assert torch.equal(images, expected.images)
    assert torch.equal(labels, expected.labels)
    found = expected.plan.apply(plain[2].numpy(), blend="first")
    np.testing.assert_array_equal(masks.numpy(), found)
    assert index.tolist() == list(range(6))
    named = [{"x": image, "y": label} for image, label, *_ in samples]
    batch = MixCollate(mix, images="x", labels="y", saliency="contrast")(named)
    assert torch.equal(batch["x"], images)
    other = MixCollate(mix, carry=rules, saliency="contrast", rank=1)(samples)
    assert not torch.equal(other[0], images)
    collate.mixup_enabled = False
    assert torch.equal(collate(samples)[0], plain[0])
    assert not mix.mixup_enabled
    mix.mixup_enabled = True


def test_content_keys_see_everything():
    tensors = [torch.zeros(4), torch.zeros(2, 2), torch.zeros(4, dtype=torch.int32)]
    tensors += [torch.tensor([0.0, 0, 0, 1e-30]), torch.zeros(4, dtype=torch.bfloat16)]
    keys = {content_key(t) for t in tensors} | {content_key(torch.zeros(4), torch.zeros(0))}
    assert len(keys) == len(tensors) + 1
    assert all(0 <= key < 2**63 for key in keys)


class Named(typing.NamedTuple):
    images: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor


def parts():
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(6, 3, 8, 8, generator=generator)
    return {
        "images": images,
        "labels": torch.arange(6) % 4,
        "masks": torch.randint(0, 9, (6, 8, 8), generator=generator),
        "depth": torch.rand(6, 1, 8, 8, generator=generator),
        "age": torch.rand(6, generator=generator) - 0.5,
        "boxes": [[[1, 1, 7, 7]]] * 6,
        "names": list("abcdef"),
        "version": 3,
    }


RULES = {"masks": "first", "age": "values", "boxes": "boxes", "names": "keep"}


def check_parts(mixed, plan, batch):
    assert torch.equal(mixed["images"], apply(plan, batch["images"]))
    torch.testing.assert_close(mixed["labels"], plan_rows(plan, batch["labels"]))
    assert torch.equal(mixed["masks"], apply(plan, batch["masks"], blend="first"))
    assert torch.equal(mixed["depth"], apply(plan, batch["depth"]))  # a float along: unsaid
    shares = torch.as_tensor(plan.shares, dtype=torch.float32)
    torch.testing.assert_close(mixed["age"], shares @ batch["age"])
    assert len(mixed["boxes"]) == 6
    assert mixed["boxes"][0].boxes.shape[1] == 4
    assert (mixed["names"], mixed["version"]) == (batch["names"], 3)


def plan_rows(plan, labels):
    return apply_labels(plan, labels, num_classes=4)


@pytest.mark.parametrize("kind", ["collate", "ahead"])
@pytest.mark.parametrize("as_dict", [True, False])
def test_one_rule_for_what_goes_along(kind, as_dict):
    mix, batch = CutMix(num_classes=4, seed=0), parts()
    places = {name: name if as_dict else i for i, name in enumerate(batch)}
    given = batch if as_dict else tuple(batch.values())
    options = {
        "images": places["images"],
        "labels": places["labels"],
        "carry": {places[name]: rule for name, rule in RULES.items()},
    }
    if kind == "collate":
        collate = MixCollate(mix, collate=lambda samples: samples, plan=True, **options)
        mixed = collate(given)
        assert isinstance(mixed, type(given))
        plan = mixed["plan"] if as_dict else mixed[-1]
    else:
        with PlanAhead(mix, **options) as ahead:
            (mixed,) = ahead.batches([given])
        mix.step = 0
        plan = mix.mix(batch["images"]).plan
    found = mixed if as_dict else dict(zip(batch, mixed, strict=False))
    check_parts(found, plan, batch)
    for name in RULES:  # all but floats along the images need a rule
        fewer = {place: rule for place, rule in options["carry"].items() if place != places[name]}
        door = MixCollate(mix, collate=lambda samples: samples, **{**options, "carry": fewer})
        with pytest.raises(ValueError, match=f"part {places[name]!r} of the batch .* carry="):
            door(given)


@pytest.mark.parametrize("wrap", [
    lambda mask: {"mask": mask}, lambda mask: (mask, mask), lambda mask: {"a": {"b": [mask]}},
])  # fmt: skip
def test_parts_within_parts_are_refused_by_name(wrap):
    samples = [(torch.rand(3, 8, 8), i % 4, wrap(torch.rand(8, 8))) for i in range(6)]
    with pytest.raises(ValueError, match="part 2 of the batch holds parts of its own"):
        MixCollate(CutMix(num_classes=4))(samples)
    kept = MixCollate(CutMix(num_classes=4), carry={2: "keep"})(samples)[2]
    assert type(kept) in (dict, tuple, list)
    named = [(x, y, {"path": {"file": "a.png"}}, {}) for x, y, _ in samples[:5]]
    collate = MixCollate(CutMix(num_classes=4), collate=lambda _: [
        torch.rand(5, 3, 8, 8), torch.arange(5) % 4, {"epoch": 3, "sizes": (8, 8)}, None, "train",
    ])  # fmt: skip
    assert collate(named)[2:] == [{"epoch": 3, "sizes": (8, 8)}, None, "train"]


@pytest.mark.parametrize(("carry", "message"), [
    ({"mask": "first"}, r"no part 'mask', which carry=\{'mask': ...\} names; it has 0, 1, 2, 3"),
    (["first"], "carry needs a dict from places in the batch to rules"),
    ({2: "first"}, r"part 3 of the batch holds parts.*carry=\{3: 'boxes'\}"),
    ({2: "labels", 3: "keep"}, r"part 2 of the batch, carry=\{2: 'labels'\}: labels needs"),
    ({2: "points", 3: "keep"}, r"part 2 of the batch, carry=\{2: 'points'\}: points\[0\] needs"),
    ({2: "first", 3: "mean"}, "part 3 of the batch needs a tensor"),
    ({2: "keep", 3: "boxes", 1: "keep"}, r"carry\[1\] is images or labels"),
])  # fmt: skip
def test_messages_of_carry_say_how_parts_are_named(carry, message):
    samples = [
        (torch.rand(3, 8, 8), i % 4, torch.zeros(8, 8, dtype=torch.int64), [[1, 1, 7, 7]])
        for i in range(6)
    ]
    with pytest.raises((ValueError, TypeError), match=message):
        MixCollate(CutMix(num_classes=4), carry=carry)(samples)


def test_parts_that_make_no_batch_are_named():
    box = torch.tensor([[1.0, 1, 7, 7]])
    boxes = [(torch.rand(3, 8, 8), 1, box.repeat(1 + i, 1)) for i in range(3)]
    words = r"part 2 of the samples does not make a batch, got the shapes \(1, 4\), .* 'boxes'"
    with pytest.raises(RuntimeError, match=words):
        MixCollate(CutMix(num_classes=4))(boxes)
    named = [dict(zip("xyb", sample, strict=True)) for sample in boxes]
    with pytest.raises(RuntimeError, match=r"carry=\{'b': 'boxes'\}"):
        MixCollate(CutMix(num_classes=4), images="x", labels="y")(named)
    assert len(MixCollate(CutMix(num_classes=4), carry={2: "boxes"})(boxes)[2]) == 3
    named = [Named(*sample) for sample in boxes]
    assert isinstance(MixCollate(CutMix(num_classes=4), carry={2: "boxes"})(named), Named)
    uneven = [torch.rand(3, 8 + i, 8) for i in range(3)]
    with pytest.raises(ValueError, match="images of one batch need one size"):
        MixCollate(CutMix(num_classes=4), labels=None)(uneven)
    pictures = pytest.importorskip("PIL.Image")
    with pytest.raises(TypeError, match="part 0 of the samples is a picture of Pillow"):
        MixCollate(CutMix(num_classes=4))([(pictures.new("RGB", (8, 8)), 1)] * 2)
    with pytest.raises(TypeError, match="images needs a position in a batch"):
        MixCollate(CutMix(num_classes=4), images=[0])


def test_pairs_of_image_and_mask_heads_and_named_tuples():
    batch = parts()
    mix = CutMix(seed=0, num_classes={1: 4, 2: 9})
    pairs = [(image, mask) for image, mask in zip(batch["images"], batch["masks"], strict=True)]
    collate = MixCollate(mix, labels=None, carry={1: "first"}, plan=True)
    images, masks, plan = collate(pairs)
    assert torch.equal(images, apply(plan, batch["images"]))
    assert torch.equal(masks, apply(plan, batch["masks"], blend="first"))
    samples = [(image, k % 4, k) for k, image in enumerate(batch["images"])]
    images, kind, number = MixCollate(mix, labels=(1, 2))(samples)
    assert (kind.shape, number.shape) == ((6, 4), (6, 9))
    named = [Named(x, y, m) for x, y, m in zip(*list(batch.values())[:3], strict=True)]
    mixed = MixCollate(CutMix(num_classes=4, seed=0), carry={2: "first"})(named)
    assert isinstance(mixed, Named)
    with pytest.raises(ValueError, match="has no part 0, which images=0 names; it has 'x', 'y'"):
        MixCollate(mix)([{"x": image, "y": 1} for image in batch["images"]])
    with pytest.raises(ValueError, match=r"carry\[2\] must be one of"):
        MixCollate(mix, carry={2: "second"})
    with pytest.raises(ValueError, match="mixed anyway"):
        MixCollate(mix, carry={1: "first"})


# torch.distributed


def shards(rank):
    generator = torch.Generator().manual_seed(10 + rank)
    images = torch.rand(8, 3, 8, 8, generator=generator)
    return images, torch.randint(0, 4, (8,), generator=generator)


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.Tanh(), nn.Linear(8, 4))


def train_on_a_rank(rank, store, results):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    model = nn.parallel.DistributedDataParallel(small_network())
    mix = CoMixup(threads=1, **CO)
    training_step(model, *shards(rank), mix, clean_weight=0.0, step=1)  # saliency without exchange
    model.zero_grad()
    result = training_step(model, *shards(rank), mix)
    gradients = [p.grad.numpy() for p in model.parameters()]
    plan = result.plan
    results[rank] = (gradients, plan.sources, plan.keys, plan.shares)
    torch.distributed.destroy_process_group()


def test_two_processes_mix_their_own_shards_and_share_gradients(tmp_path):
    context = torch.multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        results = manager.dict()
        torch.multiprocessing.spawn(
            train_on_a_rank, (str(tmp_path / "store"), results), nprocs=2, join=True
        )
        results = dict(results)
    assert results[0][2].tolist() == [[0, 0], [0, 1]]
    assert results[1][2].tolist() == [[0, 2**32], [0, 2**32 + 1]]
    alone = []
    for rank in (0, 1):  # each rank again, in this process
        model = small_network()
        images, labels = shards(rank)
        mix = CoMixup(**CO)
        key = mix.key(rank=rank)
        mix.key = lambda rng=None, step=None, rank=None, key=key: key
        result = training_step(model, images, labels, mix)
        np.testing.assert_array_equal(result.plan.sources, results[rank][1])
        alone.append([p.grad.numpy() for p in model.parameters()])
    for one, two, a, b in zip(results[0][0], results[1][0], *alone, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(one, (a + b) / 2, rtol=1e-4, atol=1e-6)


# other packages


def test_a_drop_in_for_mixup_of_timm():
    torchvision()  # which timm imports
    timm = pytest.importorskip("timm.data")
    loss = pytest.importorskip("timm.loss").SoftTargetCrossEntropy()
    images, labels = torch.rand(8, 3, 8, 8), torch.arange(8) % 4
    for amount in (0.0, 0.1):
        theirs = timm.Mixup(label_smoothing=amount, num_classes=4)
        ours = InputMixup(label_smoothing=amount, num_classes=4)
        for mixup_fn in (theirs, ours, CoMixup(num_classes=4, label_smoothing=amount, **CO)):
            out, rows = mixup_fn(images.clone(), labels)
            assert (out.shape, rows.shape, rows.dtype) == (images.shape, (8, 4), torch.float32)
            torch.testing.assert_close(rows.sum(1), torch.ones(8))
            assert rows.min() == pytest.approx(amount / 4)
            assert torch.isfinite(loss(torch.rand(8, 4), rows))
            mixup_fn.mixup_enabled = False  # what timm's train.py does at --mixup-off-epoch
            assert torch.equal(mixup_fn(images.clone(), labels)[0], images)


def test_labels_as_torchvision_has_them():
    v2 = torchvision("torchvision.transforms.v2")
    images, labels = torch.rand(8, 3, 8, 8), torch.arange(8) % 4
    for theirs, ours in ((v2.MixUp, InputMixup), (v2.CutMix, CutMix)):
        one, two = theirs(num_classes=4)(images, labels), ours(num_classes=4)(images, labels)
        for a, b in zip(one, two, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
        torch.testing.assert_close(two[1].sum(1), torch.ones(8))
    tv = torchvision("torchvision.tv_tensors")
    mixed = CutMix(num_classes=4, seed=0).mix(tv.Image(images), labels)
    assert type(mixed.images) is tv.Image
    masks = tv.Mask(torch.randint(0, 5, (8, 8, 8)))
    assert type(apply(mixed.plan, masks, blend="first")) is tv.Mask


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_data_sets_and_transforms_of_torchvision(tmp_path):
    v2, tv = torchvision("torchvision.transforms.v2"), torchvision("torchvision.tv_tensors")
    datasets = torchvision("torchvision.datasets")
    pictures = datasets.FakeData(12, (3, 20, 24), num_classes=3)
    for i, (picture, _) in enumerate(pictures):
        path = tmp_path / "abc"[i % 3] / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        picture.save(path)
    parts = [v2.ToImage(), v2.RandomResizedCrop(16), v2.ToDtype(torch.float32, scale=True)]
    data = datasets.ImageFolder(tmp_path, v2.Compose(parts))
    either = v2.RandomChoice([CutMix(num_classes=3), InputMixup(num_classes=3)])

    def collate(samples):  # as in the tutorial of torchvision
        return either(*default_collate(samples))

    for mixing in (collate, MixCollate(CoMixup(num_classes=3, **CO))):
        for images, labels in DataLoader(data, batch_size=6, shuffle=True, collate_fn=mixing):
            assert images.shape == (6, 3, 16, 16)
            assert images.max() <= 1
            torch.testing.assert_close(labels.sum(1), torch.ones(6))
    flip = v2.RandomHorizontalFlip(1.0)
    samples = [
        flip(
            tv.Image(torch.rand(3, 8, 8)),
            tv.Mask(torch.randint(0, 5, (8, 8))),
            tv.BoundingBoxes([[1, 1, 4, 7]] * (1 + i % 2), format="XYXY", canvas_size=(8, 8)),
        )
        for i in range(6)
    ]
    rules = {1: "first", 2: "boxes"}
    collate = MixCollate(CutMix(seed=0), labels=None, carry=rules, plan=True)
    images, masks, boxes, plan = collate(samples)
    assert torch.equal(images, apply(plan, torch.stack([sample[0] for sample in samples])))
    stacked = torch.stack([sample[1] for sample in samples])
    assert torch.equal(masks, apply(plan, stacked, blend="first"))
    expected = plan.apply_boxes([sample[2].tolist() for sample in samples])
    for one, two in zip(boxes, expected, strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)


@pytest.mark.filterwarnings("ignore")  # what Lightning warns of is not ours
@pytest.mark.parametrize("kind", ["co", "cut"])
def test_a_callback_for_lightning(kind, tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")
    from comixup.torch.lightning import MixCallback

    seen = []

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = small_network()

        def forward(self, images):
            return self.network(images)

        def training_step(self, batch, batch_idx):
            images, labels = batch
            seen.append((images.clone(), labels.clone()))
            return nn.functional.cross_entropy(self(images), labels)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    options = {"num_classes": 4, "off_epoch": 1}
    make = {"co": lambda: CoMixup(**CO, **options), "cut": lambda: CutMix(seed=0, **options)}[kind]
    images, labels = shards(0)
    data = torch.utils.data.TensorDataset(images, labels)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[MixCallback(make())], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path,
    )  # fmt: skip
    module = Module()
    trainer.fit(module, DataLoader(data, batch_size=4))
    assert len(seen) == 4
    from comixup.torch import input_saliency

    for i, (mixed, rows) in enumerate(seen):
        part = slice(4 * (i % 2), 4 * (i % 2) + 4)
        with input_saliency(module, images[part], labels[part]) as saliency:
            expected = make()(
                images[part], labels[part], saliency, step=i, epoch=i // 2
            )  # the learning rate is zero: the model is the same
        torch.testing.assert_close(mixed, expected[0])
        torch.testing.assert_close(rows, expected[1])
    assert torch.equal(seen[2][0], images[:4])
    with pytest.raises(TypeError, match="lists"):
        MixCallback(make()).on_train_batch_start(trainer, module, (images, labels), 0)
    masks = torch.randint(0, 9, (8, 8, 8))
    for more in ([images, labels, masks], {"x": images, "y": labels, "m": masks}):
        x, y, m = more if isinstance(more, dict) else range(3)
        where = {"images": x, "labels": y, "network_saliency": False}
        mix = CutMix(num_classes=4, seed=0)
        callback = MixCallback(mix, **where)
        with pytest.raises(ValueError, match=r"part .* of the batch"):
            callback.on_train_batch_start(trainer, module, more, 0)
        callback = MixCallback(mix, carry={m: "first"}, **where)
        callback.on_train_batch_start(trainer, module, more, 0)
        plan = mix.mix(images, labels, step=trainer.fit_loop.total_batch_idx).plan
        assert torch.equal(more[x], apply(plan, images))
        assert torch.equal(more[m], apply(plan, masks, blend="first"))
    boxes = [[[1, 1, 7, 7], [0, 0, 2, 2]]] * 8
    callback = MixCallback(mix, carry={2: "boxes", 3: "keep"}, network_saliency=False)
    more = [images, labels, boxes, list("abcdefgh")]
    callback.on_train_batch_start(trainer, module, more, 0)
    for one, two in zip(more[2], plan.apply_boxes(boxes), strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)
    assert more[3] == list("abcdefgh")
    other = MixCallback(CutMix(num_classes=4, seed=9))
    other.load_state_dict(callback.state_dict())  # Lightning does, from its checkpoints
    assert other.mix.state_dict() == mix.state_dict()


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([(torch.rand(1, 8, 8), 1, 2), (torch.rand(1, 8, 8), 1)], "equal size"),
        ([object()] * 2, "default_collate"),
    ],
)
def test_samples_that_are_no_batch_keep_the_message_of_pytorch(samples, words):
    with pytest.raises((RuntimeError, TypeError), match=words) as caught:
        MixCollate(CutMix(num_classes=4, seed=0))(samples)
    assert caught.value.__cause__ is not caught.value


@pytest.mark.parametrize(
    ("label", "kind"), [("cat", "tuple"), ([0.0, 1.0], "list"), ((1, 0), "list")]
)
def test_labels_that_make_no_tensor_are_named(label, kind):
    samples = [(torch.rand(3, 8, 8), label)] * 4
    with pytest.raises(TypeError, match=f"labels needs a tensor of class indices.*got {kind}"):
        MixCollate(CutMix(num_classes=4, seed=0))(samples)


def test_places_of_a_batch_are_integers_of_all_kinds():
    mix = CutMix(num_classes=4, seed=0)
    samples = [(torch.rand(1, 8, 8), k) for k in range(4)]
    images, _ = MixCollate(mix, images=np.int64(0), labels=np.int64(1))(samples)
    assert images.shape == (4, 1, 8, 8)
    with pytest.raises(TypeError, match=r"labels needs a position .* got 1\.5"):
        MixCollate(mix, labels=1.5)


def test_constructors_of_subclasses_that_pass_options_on():
    class Mine(CutMix):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    class Bare(TensorMixer):
        def __init__(self, mixer):
            super().__init__(mixer)

    assert Mine(num_classes=4, seed=1).seed == 1
    with pytest.raises(TypeError, match="has no option 'classes'"):
        Mine(classes=4)
    with pytest.raises(TypeError, match=r"Bare takes its options by name, got 2 by position"):
        Bare(Mine(num_classes=4).mixer, 2)
