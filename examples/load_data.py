"""A data set as arrays in memory, from whatever it is kept in, checked.

FILE.npz                 x_train, y_train, x_test, y_test [, names, boxes_test, layout]
FOLDER/data_batch_1 ...  CIFAR-10, the Python version; FOLDER/train, FOLDER/test: CIFAR-100
FOLDER/train/CLASS/...   images, and the same in FOLDER/test or FOLDER/val [, FOLDER/boxes.csv]
torchvision:NAME:ROOT    torchvision.datasets.NAME(ROOT, train=...), nothing is downloaded

Where the shape of arrays does not tell the order of their axes, `layout` does, as for mixers: "BHW"
for gray images without a channel axis.
"""

import csv
import hashlib
import pickle
import sys
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from comixup._base.layout import decide
from comixup.cli.dataset import UsageError, from_subfolders
from comixup.cli.files import UnreadableImage, common_size, read_image


@dataclass(frozen=True)
class Data:
    r"""Images (n, channels, \*spatial) of uint8 or float32, labels (n,), and what they mean.

    ``boxes_test`` has a row (left, top, right, bottom) of inclusive pixels for every test image.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    names: tuple[str, ...]
    boxes_test: np.ndarray | None = None

    def __str__(self):
        channels, *spatial = self.x_train.shape[1:]
        size = "x".join(map(str, spatial))
        return (
            f"{len(self.x_train)} training and {len(self.x_test)} test images, "
            f"channels: {channels}, size: {size}, classes: {len(self.names)}"
        )

    def digest(self):
        """Return a hash of all that can change a result."""
        sha = hashlib.sha256()
        arrays = [self.x_train, self.y_train, self.x_test, self.y_test]
        for array in arrays + ([] if self.boxes_test is None else [self.boxes_test]):
            sha.update(f"{array.dtype}{array.shape}".encode())
            sha.update(np.ascontiguousarray(array).data)
        return sha.hexdigest()

    def part(self, classes, per_class):
        """Keep the first `classes` classes, and the first `per_class` training images of each."""
        if classes is not None and classes > len(self.names):
            raise UsageError(f"--classes {classes}: the data have {len(self.names)} classes")
        K = len(self.names) if classes is None else classes
        if K < 2:
            raise UsageError("--classes 1: with one class there is nothing to learn")
        train = np.flatnonzero(self.y_train < K)
        if per_class is not None:
            kept = [train[self.y_train[train] == k][:per_class] for k in range(K)]
            train = np.sort(np.concatenate(kept))
        test = np.flatnonzero(self.y_test < K)
        if len(train) == 0 or len(test) == 0:
            raise UsageError(f"the first {K} classes have no training images, or no test images")
        if self.boxes_test is not None and len(test) < 2:
            raise UsageError(
                "with boxes, at least two test images are needed: the background of one is "
                "replaced by that of another"
            )
        return replace(
            self,
            x_train=self.x_train[train],
            y_train=self.y_train[train],
            x_test=self.x_test[test],
            y_test=self.y_test[test],
            names=self.names[:K],
            boxes_test=None if self.boxes_test is None else self.boxes_test[test],
        )


def load(source, layout=None):
    """Load and check a data set; raises UsageError with what is wrong with it.

    `layout` is the order of the axes of arrays, for files that do not have it as an entry.
    """
    path = Path(source)
    if path.is_file():
        *parts, own = _npz(path)
        own = None if own is None else str(own)
        return checked(source, *parts, layout=own if layout is None else layout)
    if layout is not None and path.exists():
        raise UsageError(f"--layout is for a .npz file, which {source} is not")
    return checked(source, *_pictures(source, path), layout="BCHW")


def _pictures(source, path):
    if source.startswith("torchvision:"):
        return _torchvision(source)
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    for folder in (path, path / "cifar-10-batches-py", path / "cifar-100-python"):
        if (folder / "data_batch_1").is_file():
            return _cifar10(folder)
        if (folder / "train").is_file():
            return _cifar100(folder)
    if (path / "train").is_dir():
        return _image_folders(path)
    raise UsageError(
        f"{path} has neither data_batch_1 (CIFAR-10) nor a file train (CIFAR-100) nor a folder "
        "train with a folder of images for every class"
    )


def checked(source, arrays, names=None, boxes=None, layout=None):
    """Return the data, of one shape, with labels in range and finite numbers, or say why not."""
    x_train, y_train, x_test, y_test = (np.asarray(a) for a in arrays)
    x_train = _channels_first(f"{source}: x_train", x_train, layout)
    x_test = _channels_first(f"{source}: x_test", x_test, layout)
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim not in (3, 4) or len(x) == 0 or y.shape != (len(x),):
            raise UsageError(
                f"{source}: x_{part} needs the shape (n, channels, *spatial) with 1 or 2 spatial "
                f"axes, and y_{part} (n,), got {x.shape} and {y.shape}"
            )
        if y.dtype.kind not in "iu":
            raise UsageError(f"{source}: y_{part} needs integers, got {y.dtype}")
        if x.dtype != np.uint8 and x.dtype.kind != "f":
            raise UsageError(f"{source}: x_{part} needs uint8 or floats, got {x.dtype}")
        finite = x.dtype == np.uint8 or np.isfinite(_single(x)).reshape(len(x), -1).all(axis=1)
        if not np.all(finite):
            i = int(np.argmin(finite))
            raise UsageError(f"{source}: x_{part}[{i}] has numbers that are not finite as float32")
    if x_train.shape[1:] != x_test.shape[1:] or x_train.dtype != x_test.dtype:
        raise UsageError(
            f"{source}: x_train and x_test differ in shape or type: {x_train.shape[1:]} of "
            f"{x_train.dtype}, {x_test.shape[1:]} of {x_test.dtype}"
        )
    K = int(y_train.max()) + 1 if names is None else len(names)
    for part, y in (("train", y_train), ("test", y_test)):
        outside = np.flatnonzero((y < 0) | (y >= K))
        if len(outside):
            i = outside[0]
            raise UsageError(
                f"{source}: labels need to be in 0..{K - 1}, but y_{part}[{i}] is {y[i]} "
                f"({len(outside)} such labels)"
            )
    seen = len(np.unique(y_train))
    if K < 2 or (names is None and seen < K):
        absent = f", {K - seen} of which have no training image" if seen < K else ""
        raise UsageError(
            f"{source}: labels need to number two classes or more from 0 without gaps, but those "
            f"of y_train mean {K} classes{absent}; if that is right, give their names"
        )
    if boxes is not None:
        _check_boxes(source, boxes, x_test)
    names = tuple(str(k) for k in range(K)) if names is None else tuple(str(n) for n in names)
    if x_train.dtype != np.uint8:
        x_train, x_test = _single(x_train), _single(x_test)
    labels = [y.astype(np.int64) for y in (y_train, y_test)]
    return Data(x_train, labels[0], x_test, labels[1], names, boxes)


def _channels_first(name, x, layout):
    """Return arrays (n, channels, *spatial); raise if neither layout nor shape tells the order."""
    colors = (1, 3, 4)
    if layout is None and x.ndim == 4 and x.shape[3] in colors and x.shape[1] not in colors:
        raise UsageError(
            f"{name} of shape {x.shape} has its channels last; (n, channels, height, width) is "
            "needed, or --layout BHWC"
        )
    if (layout is None and x.ndim not in (3, 4)) or 0 in x.shape:
        return x  # which is said with the labels
    try:
        order = decide(x.shape, channels=None, layout=layout)
    except ValueError as error:
        raise UsageError(f"{name}: {error} For this script, it is --layout.") from error
    return np.ascontiguousarray(order.arrange(x, first=True))


def _single(x):
    with np.errstate(over="ignore"):  # infinities are found in what comes out
        return x.astype(np.float32, copy=False)


def _check_boxes(source, boxes, x_test):
    if x_test.ndim != 4 or boxes.shape != (len(x_test), 4):
        raise UsageError(
            f"{source}: boxes_test needs a row for each of the {len(x_test)} images, "
            f"({len(x_test)}, 4), got {boxes.shape}"
        )
    (left, top, right, bottom), (height, width) = boxes.T, x_test.shape[2:]
    good = (left >= 0) & (top >= 0) & (left <= right) & (top <= bottom)
    good &= (right < width) & (bottom < height)
    if not good.all():
        i = int(np.argmin(good))
        raise UsageError(
            f"{source}: boxes need corners left, top, right, bottom of pixels in {width}x{height}, "
            f"but that of test image {i} is {boxes[i].tolist()}"
        )


def _npz(path):
    try:
        with open(path, "rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise UsageError(f"{path} is no .npz file, as numpy.savez writes them")
            stream.seek(0)
            file = np.load(stream, allow_pickle=False)
            needed = ("x_train", "y_train", "x_test", "y_test")
            missing = [name for name in needed if name not in file]
            if missing:
                raise UsageError(f"{path} lacks {' and '.join(missing)}; it has {sorted(file)}")
            optional = [file.get(name) for name in ("names", "boxes_test", "layout")]
            return [file[name] for name in needed], *optional
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"{path} cannot be read as .npz: {error}") from error


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): lambda kind, align=False, copy=False: np.dtype(kind),
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),
}


class _Arrays(pickle.Unpickler):
    """Reads arrays and plain values: a pickle is a program, and this runs no other one."""

    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def _pickled(path, labels):
    try:
        with open(path, "rb") as file:
            batch = _Arrays(file, encoding="bytes").load()
        return batch[b"data"].reshape(-1, 3, 32, 32), np.asarray(batch[labels])
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise UsageError(f"{path} cannot be read as a CIFAR batch: {error!r}") from error


def _class_names(path, key, K):
    try:
        with open(path, "rb") as file:
            return [name.decode() for name in _Arrays(file, encoding="bytes").load()[key]]
    except Exception:  # names are only for the reader
        return [str(k) for k in range(K)]


def _cifar10(folder):
    batches = [_pickled(folder / f"data_batch_{i}", b"labels") for i in range(1, 6)]
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    names = _class_names(folder / "batches.meta", b"label_names", 10)
    return (x, y, *_pickled(folder / "test_batch", b"labels")), names


def _cifar100(folder):
    train, test = (_pickled(folder / part, b"fine_labels") for part in ("train", "test"))
    return (*train, *test), _class_names(folder / "meta", b"fine_label_names", 100)


def _image_folders(path):
    held_out = next((path / name for name in ("test", "val") if (path / name).is_dir()), None)
    if held_out is None:
        raise UsageError(f"{path} has a folder train, but neither test nor val")
    parts = [from_subfolders(folder) for folder in (path / "train", held_out)]
    classes = parts[0].classes
    if parts[1].classes != classes:
        odd = sorted(set(classes) ^ set(parts[1].classes))
        raise UsageError(f"{path}: class {odd[0]} is in only one of train and {held_out.name}")
    size = common_size([parts[0].folder / file for file in parts[0].files], (64, 64))
    train, test = (_images(part, size) for part in parts)
    boxes = _boxes(path / "boxes.csv", held_out, test[2], size)
    return (*train[:2], *test[:2]), classes, boxes


def _images(part, size):
    pixels, labels, files = [], [], []
    for file, label in zip(part.files, part.labels, strict=True):
        try:
            pixels.append(read_image(part.folder / file, size, "crop").pixels)
        except UnreadableImage as error:
            print(f"left out: {part.folder / file}: {error}", file=sys.stderr)
            continue
        labels.append(label)
        files.append(file)
    if not pixels:
        raise UsageError(f"{part.folder} has no readable image")
    return np.ascontiguousarray(np.moveaxis(np.stack(pixels), -1, 1)), np.array(labels), files


def _boxes(path, folder, files, size):
    """Read split,wnid,file,x0,y0,x1,y1: a box for every test image, or none at all."""
    if not path.is_file():
        return None
    for file in files:
        found = common_size([folder / file], (0, 0))
        if found != size:
            raise UsageError(
                f"{path} is in pixels, so all images in {folder} need the size of those in train, "
                f"{size[1]}x{size[0]}, but {folder / file} has {found[1]}x{found[0]}. Scale images "
                "and boxes first."
            )
    split = folder.name
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = {
                f"{row['wnid']}/{row['file']}": [int(row[c]) for c in ("x0", "y0", "x1", "y1")]
                for row in csv.DictReader(stream)
                if row["split"] == split
            }
        return np.array([rows[file] for file in files])
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise UsageError(
            f"{path} needs the columns split,wnid,file,x0,y0,x1,y1 and a row for every image in "
            f"{split}: {error!r}"
        ) from error


def _torchvision(source):
    try:
        import torchvision.datasets
    except ImportError as error:
        raise UsageError(f"{source} needs torchvision, which is not installed") from error
    _, _, rest = source.partition(":")
    name, _, root = rest.partition(":")
    kind = getattr(torchvision.datasets, name, None)
    if kind is None:
        raise UsageError(f"torchvision.datasets has no {name}; write torchvision:NAME:ROOT")
    arrays, names = [], None
    for train in (True, False):
        try:
            data = kind(root or ".", train=train)
        except (RuntimeError, OSError, TypeError) as error:
            raise UsageError(f"{source}: {error}") from error
        names = getattr(data, "classes", None)
        images, labels = zip(*((np.asarray(image), label) for image, label in data), strict=True)
        x = np.stack(images)
        arrays += [np.moveaxis(x, -1, 1) if x.ndim == 4 else x[:, None], np.array(labels)]
    return arrays, names
