"""What examples/train.py reads: arrays, CIFAR, folders of images; whatever is wrong is said."""

import json
import pathlib
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from load_data import checked, load  # noqa: E402
from prepare_data import halved  # noqa: E402
from small_runs import images, run, saved  # noqa: E402

from comixup.cli.dataset import UsageError  # noqa: E402

X, Y = images(6)
BAD = {
    "labels need to be in 0..2, but y_test[1] is 7": {"y_test": np.array([0, 7, 1, 2, 0, 1])},
    "labels need to be in 0..2, but y_train[2] is -1": {"y_train": np.array([0, 1, -1, 2, 0, 1])},
    "y_train needs integers": {"y_train": Y + 0.5},
    "x_train needs uint8 or floats": {"x_train": X.astype(np.int32)},
    "x_test[3] has numbers that are not finite": {
        "x_train": X.astype(np.float32),
        "x_test": np.where(np.arange(6)[:, None, None, None] == 3, np.nan, X).astype(np.float32),
    },
    "x_train[5] has numbers that are not finite as float32": {
        "x_train": np.where(np.arange(6)[:, None, None, None] == 5, 1e300, X.astype(np.float64)),
    },
    "x_train needs the shape": {"x_train": X[:, 0, 0]},
    "has its channels last": {"x_train": X.transpose(0, 2, 3, 1)},
    "y_train mean 4 classes, 1 of which have no training image": {
        "y_train": np.array([0, 1, 3, 0, 1, 3]),
        "names": None,
    },
    "y_train mean 1 classes": {"y_train": Y * 0, "y_test": Y * 0, "names": None},
    "x_train and x_test differ": {"x_test": X[..., :6]},
    "y_train (n,), got": {"y_train": Y[:5]},
    "lacks y_test": {"y_test": None},
    "(6, 4), got (5, 4)": {"boxes_test": np.zeros((5, 4), dtype=int)},
    "that of test image 2 is [4, 0, 8, 3]": {
        "boxes_test": np.array([[0, 0, 7, 7]] * 2 + [[4, 0, 8, 3]] * 4)
    },
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arrays(tmp_path, message):
    arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "names": ["a", "b", "c"]}
    arrays = {name: array for name, array in (arrays | BAD[message]).items() if array is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path / "bad.npz"))
    assert message in str(caught.value)


def keras_file(path):
    """Save small arrays in the form of Keras' mnist.npz: gray images without a channel axis."""
    rng = np.random.default_rng(0)
    y = (np.arange(30) % 3).astype(np.uint8)
    x = rng.integers(0, 120, (30, 12, 12), dtype=np.uint8)
    for k in range(3):
        x[y == k, 4 * k : 4 * k + 4] += 100
    np.savez(path, x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    return str(path), x


@pytest.mark.parametrize("mixer", ["none", "cutmix"])
def test_the_file_of_keras_trains_a_network_of_two_axes(mixer, tmp_path, capsys):
    data, x = keras_file(tmp_path / "mnist.npz")
    options = ["--mixer", mixer, "--epochs", "1"]
    run(data, tmp_path / "run", *options, expect=2)
    message = capsys.readouterr().err
    assert "gray images of 12 x 12 pixels" in message
    assert "--layout" in message
    assert not (tmp_path / "run").exists()
    np.testing.assert_array_equal(load(data, "BHW").x_train, x[:20, None])
    assert load(data, "BCL").x_train.shape == (20, 12, 12)
    run(data, tmp_path / "run", "--layout", "BHW", *options)
    weights = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["model"]
    assert all(w.ndim == 4 for name, w in weights.items() if "conv" in name and w.ndim > 1)
    run(data, tmp_path / "run", "--layout", "BCHW", *options, expect=2)
    assert "have 3 axes, but layout='BCHW' names 4" in capsys.readouterr().err


def test_layouts_of_arrays(tmp_path, capsys):
    arrays = {"x_train": X.transpose(0, 2, 3, 1), "y_train": Y, "x_test": X.transpose(0, 2, 3, 1)}
    np.savez(tmp_path / "last.npz", y_test=Y, layout="BHWC", **arrays)
    np.testing.assert_array_equal(load(str(tmp_path / "last.npz")).x_test, X)
    np.savez(tmp_path / "mute.npz", y_test=Y, **arrays)
    np.testing.assert_array_equal(load(str(tmp_path / "mute.npz"), "BHWC").x_test, X)
    run(str(tmp_path), tmp_path / "run", "--layout", "BHW", expect=2)
    assert "--layout is for a .npz file" in capsys.readouterr().err


def test_bad_files(tmp_path, capsys):
    whole = pathlib.Path(saved(tmp_path / "whole.npz")).read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    torn = bytearray(whole)
    torn[len(whole) // 3] ^= 255
    (tmp_path / "torn.npz").write_bytes(torn)
    (tmp_path / "text.npz").write_text("no archive", encoding="utf-8")
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "empty").mkdir()
    for name in ("missing.npz", "half.npz", "torn.npz", "text.npz", "one.npy", "empty"):
        run(str(tmp_path / name), tmp_path / "run", expect=2)
        message = capsys.readouterr().err
        assert str(tmp_path / name) in message
        assert message.count("\n") == 1
    run("torchvision:NoSuchSet:.", tmp_path / "run", expect=2)
    assert "torchvision" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_parts_of_classes():
    x, y = images(20)
    part = checked("here", (x, y, x[:7], y[:7]), ["a", "b", "c"]).part(2, 3)
    assert part.y_train.tolist() == [0, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(part.x_train, x[[0, 1, 3, 4, 6, 7]])
    assert part.y_test.tolist() == [0, 1, 0, 1, 0]
    assert part.names == ("a", "b")


def test_with_boxes_one_test_image_is_too_few(tmp_path, capsys):
    boxes = np.array([[0, 0, 3, 3]] * 3)
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:3], "boxes_test": boxes}
    for y_test in ([0, 1, 2], [0, 2, 2]):
        np.savez(tmp_path / f"{y_test[1]}.npz", y_test=y_test, **arrays)
    assert len(load(str(tmp_path / "1.npz")).part(2, None).x_test) == 2
    run(str(tmp_path / "1.npz"), tmp_path / "run", "--classes", "1", expect=2)
    assert "one class there is nothing to learn" in capsys.readouterr().err
    run(str(tmp_path / "2.npz"), tmp_path / "run", "--classes", "2", expect=2)
    assert "at least two test images" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("n", "batch"), [(9, 8), (1, 8), (3, 1)])
def test_a_batch_of_one_place_is_refused_before_training(tmp_path, capsys, n, batch):
    """After one stage of stride 2, images of two pixels are one place; three are two places."""
    for side, expect in ((2, 2), (3, 0)):
        x, y = images(n, side=side, classes=min(n, 3))
        arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
        np.savez(tmp_path / "d.npz", names=["a", "b", "c"], **arrays)
        options = ["--batch", str(batch), "--mixer", "none", "--crop", "0", "--epochs", "1"]
        run(str(tmp_path / "d.npz"), tmp_path / f"run{side}", *options, expect=expect)
    message = capsys.readouterr().err
    assert f"--batch {batch} of {n} images leaves a batch of one" in message
    assert not (tmp_path / "run2").exists()


def as_from_python_2(batch):
    # as in the official files: the old home of numpy's functions
    return pickle.dumps(batch, protocol=2).replace(b"numpy._core.", b"numpy.core.")


def cifar(n, key):
    x, y = images(n, side=32)
    return {b"data": x.reshape(n, -1), key: y.tolist()}


def test_cifar_folders(tmp_path):
    ten, hundred = tmp_path / "cifar-10-batches-py", tmp_path / "cifar-100-python"
    ten.mkdir()
    for i in range(1, 6):
        (ten / f"data_batch_{i}").write_bytes(as_from_python_2(cifar(4, b"labels")))
    (ten / "test_batch").write_bytes(as_from_python_2(cifar(3, b"labels")))
    (ten / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"cat"] * 10}))
    hundred.mkdir()
    for name in ("train", "test"):
        (hundred / name).write_bytes(as_from_python_2(cifar(4, b"fine_labels")))
    for found, n, K in ((load(str(ten)), 20, 10), (load(str(hundred)), 4, 100)):
        assert len(found.x_train) == n
        assert len(found.names) == K
        np.testing.assert_array_equal(found.x_train[:4], images(4, side=32)[0])
    assert load(str(tmp_path)).names == ("cat",) * 10


def test_a_pickle_runs_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return (pathlib.Path.touch, (tmp_path / "touched",))

    (tmp_path / "test").write_bytes(as_from_python_2(cifar(4, b"fine_labels")))
    for content in (pickle.dumps(Evil()), b"no pickle", as_from_python_2({b"data": 3})):
        (tmp_path / "train").write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read as a CIFAR batch"):
            load(str(tmp_path))
    assert not (tmp_path / "touched").exists()


def test_image_folders_with_boxes(tmp_path, capsys):
    Image = pytest.importorskip("PIL.Image")
    rows = ["split,wnid,file,x0,y0,x1,y1"]
    for part, n in (("train", 5), ("test", 3)):
        for label in ("n1", "n2"):
            folder = tmp_path / "set" / part / label
            folder.mkdir(parents=True)
            for i in range(n):
                pixels = np.full((16, 16, 3), 40 * i, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
                rows.append(f"{part},{label},{i}.png,2,3,{8 + i},15")
    (tmp_path / "set" / "train" / "n1" / "4.png").write_bytes(b"damaged")
    (tmp_path / "set" / "boxes.csv").write_text("\n".join(rows), encoding="utf-8")
    found = load(str(tmp_path / "set"))
    assert "4.png" in capsys.readouterr().err
    assert found.y_train.tolist() == [0] * 4 + [1] * 5
    assert found.x_test[:, 0, 0, 0].tolist() == [0, 40, 80] * 2
    assert found.boxes_test[1].tolist() == [2, 3, 9, 15]
    run(str(tmp_path / "set"), tmp_path / "run", "--mixer", "none", "--epochs", "1")
    result = json.loads((tmp_path / "run" / "result.json").read_bytes())
    assert 0 <= result["localized_and_classified"] <= result["localized"] <= 1
    odd = tmp_path / "set" / "test" / "n2" / "1.png"
    Image.fromarray(np.zeros((16, 20, 3), dtype=np.uint8)).save(odd)
    with pytest.raises(
        UsageError, match=r"boxes\.csv is in pixels.* 16x16, but .*1\.png has 20x16"
    ):
        load(str(tmp_path / "set"))
    Image.fromarray(np.zeros((16, 16, 3), dtype=np.uint8)).save(odd)
    (tmp_path / "set" / "boxes.csv").write_text("\n".join(rows[:-1]), encoding="utf-8")
    with pytest.raises(UsageError, match="a row for every image"):
        load(str(tmp_path / "set"))


def test_images_of_half_the_side_are_means():
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 6), dtype=np.uint8)
    found = halved(x)
    assert found.dtype == np.uint8
    for i, j in np.ndindex(2, 3):
        block = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].astype(float)
        np.testing.assert_allclose(found[:, :, i, j], block.mean(axis=(2, 3)), atol=0.5)
    assert halved(np.full((1, 1, 2, 2), 255, dtype=np.uint8)).item() == 255
