"""examples/train.py trains with every mixer, continues exactly, and loses nothing to bad input."""

import io
import json
import sys
import types
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import run_folder  # noqa: E402
import train  # noqa: E402
from augment import augment  # noqa: E402
from command_line import parser  # noqa: E402
from evaluation import _corrupted, unpacked_bits  # noqa: E402
from load_data import checked, load  # noqa: E402
from networks import network  # noqa: E402
from small_runs import SMALL, TIMES, checkpoint, files, images, log, run, saved  # noqa: E402

MIXERS = {
    "none": [],
    "input": ["--alpha", "0.5"],
    "cutmix": ["--prob", "0.5"],
    "puzzle": [],
    "comixup": ["--effort", "fast", "--group", "4", "--grid", "2x3"],
    "random": [],
    "published": ["--mixer", "comixup", "--solver", "published", "--group", "4", "--grid", "2"],
    "manifold": ["--layers", "input,stage2block1", "--alpha", "1.5"],
    "ada": ["--clean-weight", "0.5"],
    "identity": [],
    "patches": ["--group", "4", "--grid", "2", "--levels", "1"],
    "other": ["--group", "4", "--grid", "2", "--coupling", "0"],
}
SALIENCY = {
    "gradient": [],
    "cam": ["--saliency", "cam"],
    "ema": ["--saliency", "ema"],
    "cached": ["--saliency", "cached", "--refresh", "2", "--clean-weight", "0"],
}
CLEAN = ("puzzle", "comixup", "published", "ada", "identity", "patches", "other")


@pytest.fixture(autouse=True, scope="module")
def little_work():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("data") / "small.npz")


def assert_equal(one, two):
    assert type(one) is type(two)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_equal(one[key], two[key])
    elif isinstance(one, list):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_equal(a, b)
    else:
        assert one == two


# training


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_mixer_trains(data, tmp_path, mixer):
    if mixer in ("puzzle", "random"):  # 16 patches along an axis need as many pixels
        data = saved(tmp_path / "larger.npz", 16)
    out = tmp_path / "run"
    run(data, out, "--mixer", mixer.replace("published", "comixup"), *MIXERS[mixer])
    rows = log(out)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for row in rows:
        assert float(row["loss"]) == pytest.approx(
            sum(float(row[name]) for name in ("clean_loss", "mixed_loss", "mixer_loss")), rel=1e-5
        )
        if mixer != "random":
            assert (float(row["clean_loss"]) > 0) == (mixer in CLEAN)
        assert (float(row["mixer_loss"]) > 0) == (mixer == "ada")
        assert (row["energy"] != "") == (mixer in ("comixup", "published"))
    result = json.loads((out / "result.json").read_bytes())
    for name in ("error", "ece", "error_replaced", "error_noise"):
        assert 0 <= result[name] <= 1
    assert "error_top5" not in result  # of three classes there are no five
    assert result["error"] == pytest.approx(float(rows[-1]["test_error"]))
    alone = mixer in ("none", "identity")
    assert result["sources"] == 1 if alone else 1 < result["sources"] <= 4
    assert 0 < result["mixer_seconds"] < result["cpu_seconds"]
    assert result["plain_seconds"] > 0
    right = unpacked_bits(result["images"]["right"], 9)
    assert 1 - right.mean() == pytest.approx(result["error"])
    bins = result["reliability"]["plain"]
    gaps = [abs(a - c) * n for a, c, n in zip(*bins_of(bins), strict=True) if n]
    assert sum(gaps) / 9 == pytest.approx(result["ece"], abs=1e-5)


def bins_of(bins):
    return bins["accuracy"], bins["confidence"], bins["counts"]


@pytest.mark.parametrize("kind", SALIENCY)
def test_saliency_of_every_kind(data, tmp_path, kind):
    options = ["--mixer", "comixup", *MIXERS["comixup"], "--epochs", "3"]
    run(data, tmp_path / "run", *options, *SALIENCY[kind])
    rows = log(tmp_path / "run")
    assert all((float(row["clean_loss"]) > 0) == (kind != "cached") for row in rows)
    state = checkpoint(tmp_path / "run")["saliency"]
    assert (state is None) == (kind in ("gradient", "cam"))
    if kind == "ema":
        assert state["steps"] == 9
    if kind == "cached":
        assert state["maps"].shape == (20, 8, 8)


def test_cached_maps_move_with_their_images(tmp_path):
    command = [saved(tmp_path / "d.npz"), "o", *SMALL, *SALIENCY["cached"], "--device", "cpu"]
    options = parser("").parse_args(command)
    training = train.Training(options, load(options.data))
    training.saliency.cache.maps = training.x.float().sum(dim=1)
    rows = torch.tensor([3, 17, 5, 11])
    images = augment(training.x[rows], np.random.default_rng(1), crop=(2, 2), flip=True)
    maps = training.saliency.of_batch(rows, np.random.default_rng(1))
    assert torch.equal(maps, images.float().sum(dim=1))


def test_it_learns(data, tmp_path):
    run(data, tmp_path, "--mixer", "none", "--epochs", "12", "--schedule", "cosine", "--lr", "0.1")
    rows = log(tmp_path)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert json.loads((tmp_path / "result.json").read_bytes())["error"] < 0.2


@pytest.mark.parametrize("run_of", ["none", "comixup", "ada", "cam", "ema", "cached"])
@pytest.mark.parametrize("stopped_at", [1, 4, 6], ids="step {}".format)
def test_an_interrupted_run_ends_as_one_that_was_not(
    data, tmp_path, monkeypatch, run_of, stopped_at
):
    """Three epochs of three steps; what was begun of an epoch is done again."""
    mixer = "comixup" if run_of in SALIENCY else run_of
    options = ["--mixer", mixer, *MIXERS[mixer], *SALIENCY.get(run_of, []), "--epochs", "3"]
    run(data, tmp_path / "whole", *options)
    step, seen = train.training_step, []

    def interrupted(*arguments, step, **given):
        if len(seen) == stopped_at:
            raise KeyboardInterrupt
        seen.append(step)
        return original(*arguments, step=step, **given)

    original = step
    with monkeypatch.context() as patch:
        patch.setattr(train, "training_step", interrupted)
        run(data, tmp_path / "parts", *options, expect=130)
    assert not (tmp_path / "parts" / "result.json").exists()
    (tmp_path / "parts" / ".checkpoint.pt.1.tmp").write_bytes(b"killed in writing")
    torch.rand(3)  # the state of the process has no influence
    run(data, tmp_path / "parts", *options)
    assert_equal(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "parts"))
    assert not list((tmp_path / "parts").glob(".*.tmp"))
    one, two = (json.loads((tmp_path / n / "result.json").read_bytes()) for n in ("whole", "parts"))
    for name in set(one) - set(TIMES):
        assert one[name] == two[name], name


def test_a_complete_run_is_not_run_again(data, tmp_path, capsys):
    run(data, tmp_path, "--mixer", "none", "--epochs", "1")
    before = files(tmp_path)
    assert train.main([data, str(tmp_path), *SMALL, "--mixer", "none", "--epochs", "1"]) == 0
    assert "error" in capsys.readouterr().out
    assert files(tmp_path) == before


def test_seeds_differ_and_repeat(data, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(data, tmp_path / name, "--mixer", "cutmix", "--epochs", "1", "--seed", str(seed))
    a, b, c = (checkpoint(tmp_path / name) for name in "abc")
    assert_equal(a, b)
    assert a["history"][0]["loss"] != c["history"][0]["loss"]


def test_sequences_of_one_axis(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((12, 5, 24), dtype=np.float32)
    y = np.arange(12) % 3
    arrays = {"x_train": x, "y_train": y, "x_test": x[:6], "y_test": y[:6], "layout": "BCL"}
    np.savez(tmp_path / "d.npz", **arrays)
    options = ["--epochs", "1", "--no-flip", "--mixer", "cutmix"]
    run(str(tmp_path / "d.npz"), tmp_path / "run", *options)
    assert float(log(tmp_path / "run")[0]["sources"]) > 1


def test_noise_is_of_the_range_of_the_images():
    data = checked("here", [a for _ in range(2) for a in images(30)])
    noisy = _corrupted(data, 0)["noise"]
    free = (data.x_test > 80) & (data.x_test < 175)  # what 3 deviations do not clip
    assert (noisy.astype(float) - data.x_test)[free].std() == pytest.approx(25.5, rel=0.05)
    low, high = float(data.x_train.min()), float(data.x_train.max())
    for scale in (1, 2.0**-8, 2.0**8):
        x = scale * data.x_train.astype(np.float32)
        floats = replace(data, x_train=x, x_test=x)
        noise = (_corrupted(floats, 0)["noise"] - x) / scale
        assert noise.std() == pytest.approx(0.1 * (high - low), rel=0.02)


def test_schedules():
    options = parser("").parse_args(["d", "o", "--lr", "1"])
    parts = [0, 0.33, 1 / 3, 0.5, 2 / 3, 0.99]
    rates = [train.learning_rate(options, part) for part in parts]
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.1, 0.01, 0.01])
    options.schedule = "cosine"
    np.testing.assert_allclose([train.learning_rate(options, p) for p in (0, 0.5, 1)], [1, 0.5, 0])


@pytest.mark.parametrize("shape", [(6, 2, 9), (6, 2, 7, 9)])
def test_crops_and_flips_by_hand(shape):
    x = torch.from_numpy(np.random.default_rng(0).integers(1, 9, shape).astype(np.uint8))
    crop = (1, 2)[: x.ndim - 2]
    found = augment(x, np.random.default_rng(3), crop=crop, flip=True)
    rng, spatial = np.random.default_rng(3), shape[2:]
    starts = [rng.integers(0, 2 * size + 1, len(x)) for size in crop]
    turned = rng.random(len(x)) < 0.5
    for i in range(len(x)):
        padded = np.pad(x[i], [(0, 0), *((size, size) for size in crop)])
        part = padded[(slice(None), *(slice(s[i], s[i] + n) for s, n in zip(starts, spatial)))]  # noqa: B905
        np.testing.assert_array_equal(found[i], part[..., ::-1] if turned[i] else part)
    assert torch.equal(augment(x, rng), x)


@pytest.mark.parametrize("arch", ["resnet8", "resnet20", "preactresnet18"])
def test_networks(arch):
    model = network(arch, 7, channels=2, dimensions=2)
    assert model(torch.rand(2, 2, 16, 16)).shape == (2, 7)
    assert model.head.weight.shape[1] == (512 if arch == "preactresnet18" else 64)
    blocks = sum("block" in name for name, _ in model.named_children())
    assert 2 * blocks + 2 == int(arch.removeprefix("resnet").removeprefix("preactresnet"))


def test_tensorboard(data, tmp_path, monkeypatch, capsys):
    written, folder = [], tmp_path / "run"

    class Writer:
        def __init__(self, path, purge_step):
            written.append((path, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def flush(self):
            assert not list(folder.glob("checkpoint.pt")) or written[-1][2] == 2
            written.append("flushed")

        def close(self):
            written.append("closed")

    module = types.SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run(data, tmp_path / "run", "--mixer", "none", "--tensorboard", "--eval-every", "2")
    assert written[0] == (tmp_path / "run" / "tensorboard", 1)
    assert written[-1] == "closed"
    assert written.count("flushed") == 2
    assert [w[2] for w in written[1:-1] if w[0] == "test_error"] == [2]
    assert [w[2] for w in written[1:-1] if w[0] == "loss"] == [1, 2]
    run(data, tmp_path / "nan", "--mixer", "none", "--tensorboard", "--lr", "1e30", expect=2)
    assert written[-1] == "closed"
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run(data, tmp_path / "other", "--mixer", "none", "--tensorboard", expect=2)
    assert "tensorboard" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_bar_where_somebody_looks(data, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    options = [data, str(tmp_path / "run"), *SMALL, "--mixer", "none"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert train.main(options) == 0
    seen = capsys.readouterr()
    assert "6/6" in seen.err  # two epochs of three steps
    assert "epoch 2: loss" in seen.out
    monkeypatch.setitem(sys.modules, "tqdm", None)
    options[1] = str(tmp_path / "other")
    assert train.main(options) == 0
    seen = capsys.readouterr()
    assert seen.err == ""
    assert "epoch 2: loss" in seen.out


# the folder of a run


@pytest.mark.parametrize("lines", [0, 1, 2, 3])
def test_a_reader_that_leaves_stops_the_run_and_the_same_command_continues(
    data, tmp_path, monkeypatch, capsys, lines
):
    """Of four lines: what the data are, two epochs, the result."""

    class Pipe(io.StringIO):
        def write(self, text):
            if self.getvalue().count("\n") >= lines:
                raise BrokenPipeError
            return super().write(text)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Pipe())
        options = [data, str(tmp_path / "run"), *SMALL, "--mixer", "none"]
        assert train.main(options) == 141
    assert (
        capsys.readouterr().err == "nobody reads the output any more; the same command continues\n"
    )
    assert (tmp_path / "run" / "checkpoint.pt").exists() == (lines > 0)
    run(data, tmp_path / "run", "--mixer", "none")
    assert [row["epoch"] for row in log(tmp_path / "run")] == ["1", "2"]


def test_the_five_highest_of_more_than_five_classes(tmp_path):
    x, y = images(24)[0], np.arange(24) % 6
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    run(str(tmp_path / "d.npz"), tmp_path / "run", "--mixer", "none", "--epochs", "1")
    result = json.loads((tmp_path / "run" / "result.json").read_bytes())
    assert 0 <= result["error_top5"] <= result["error"]


def test_another_run_is_not_overwritten(data, tmp_path, capsys):
    run(data, tmp_path / "run", "--mixer", "none", "--epochs", "1")
    before = files(tmp_path / "run")
    run(data, tmp_path / "run", "--mixer", "none", "--lr", "0.05", expect=2)
    message = capsys.readouterr().err
    assert "lr was 0.2, now 0.05" in message
    assert "Choose another folder" in message
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("mine", encoding="utf-8")
    run(data, tmp_path / "letters", "--mixer", "none", expect=2)
    run(data, tmp_path / "letters" / "dear.txt", "--mixer", "none", expect=2)
    run(data, tmp_path / "letters" / "dear.txt" / "below", "--mixer", "none", expect=2)
    assert files(tmp_path / "run") == before
    assert files(tmp_path / "letters") == {"dear.txt": b"mine"}


def test_other_data_are_other_settings(data, tmp_path, capsys):
    run(data, tmp_path, "--mixer", "none", "--epochs", "1")
    run(data, tmp_path, "--mixer", "none", "--epochs", "1", "--per-class", "3", expect=2)
    assert "per_class was None, now 3" in capsys.readouterr().err
    with np.load(data) as file:
        arrays = dict(file)
    arrays["x_train"] = arrays["x_train"] + np.uint8(1)
    np.savez(tmp_path / "other.npz", **arrays)
    run(str(tmp_path / "other.npz"), tmp_path, "--mixer", "none", "--epochs", "1", expect=2)
    assert "data_sha256" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["checkpoint.pt", "settings.json", "result.json"])
def test_a_damaged_file_is_named_and_kept(data, tmp_path, monkeypatch, capsys, name):
    run(data, tmp_path, "--mixer", "none", "--epochs", "1")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / "result.json").unlink()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    before = files(tmp_path)
    run(data, tmp_path, "--mixer", "none", "--epochs", "1", expect=2)
    assert str(tmp_path / name) in capsys.readouterr().err
    assert files(tmp_path) == before


def test_a_log_that_was_not_written_is_written_later(data, tmp_path, monkeypatch):
    """Killed between the checkpoint of the last epoch and the log."""

    def killed_at_the_log(path, content):
        if path.name == "log.csv":
            raise KeyboardInterrupt
        original(path, content)

    original = run_folder.write_bytes
    options = ["--mixer", "none", "--epochs", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_bytes", killed_at_the_log)
        run(data, tmp_path, *options, expect=130)
    assert not (tmp_path / "log.csv").exists()
    run(data, tmp_path, *options)
    assert [row["epoch"] for row in log(tmp_path)] == ["1"]


def test_one_process_at_a_time(data, tmp_path, capsys):
    pytest.importorskip("fcntl")
    with train.RunFolder(tmp_path / "run", {}):
        run(data, tmp_path / "run", "--mixer", "none", expect=2)
    assert "in use by another process" in capsys.readouterr().err
    run(data, tmp_path / "run", "--mixer", "none", "--epochs", "1")


def test_a_run_that_diverges_says_so_and_keeps_what_was(data, tmp_path, monkeypatch, capsys):
    for loss in ("bce", "ce"):
        out = tmp_path / loss
        run(data, out, "--mixer", "none", "--lr", "1e30", "--loss", loss, expect=2)
        assert "--lr" in capsys.readouterr().err
        assert not (out / "checkpoint.pt").exists()
        run(data, out, "--mixer", "none", "--loss", loss, "--epochs", "1")


# the command line and the data


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mixer", "cutmix", "--effort", "fast"], "--effort is not for --mixer cutmix"),
        (["--mixer", "none", "--alpha", "1"], "--alpha is not for --mixer none"),
        (["--epochs", "0"], "--epochs needs"),
        (["--lr", "0"], "--lr needs a finite number > 0, got 0.0"),
        (["--crop", "2x-1"], "--crop needs pixels >= 0, got 2x-1"),
        (["--crop", "2x"], "--crop: needs 4 or 4x8, got '2x'"),
        (["--seed", "-1"], "--seed needs"),
        (["--seed", str(2**64)], "--seed needs an integer in 0..2**64 - 1"),
        (["--momentum", "1"], "--momentum needs a number >= 0 and < 1, got 1.0"),
        (["--weight-decay", "inf"], "--weight-decay needs a finite number >= 0, got inf"),
        (["--solver", "published", "--effort", "fast"], "--effort is for --solver search"),
        (["--mixer", "magic"], "magic"),
    ],
)
def test_options_that_make_no_sense(data, tmp_path, capsys, options, message):
    with pytest.raises(SystemExit):
        train.main([data, str(tmp_path / "run"), *options])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--grid", "2x2x2"], "--grid needs one number or 2"),
        (["--crop", "1x1x1"], "--crop needs one number or 2"),
        (["--classes", "4"], "have 3 classes"),
        (["--prob", "2"], "--mixer comixup: prob needs a number in 0..1"),
        (["--grid", "40"], "--mixer comixup"),
        (["--device", "abacus"], "--device abacus"),
    ],
)
def test_settings_that_do_not_fit(data, tmp_path, capsys, options, message):
    run(data, tmp_path / "run", *options, expect=2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
