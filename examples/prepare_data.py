"""Archives of data made into what train.py reads."""

import io
import os
import tarfile
import zipfile

import numpy as np
from load_data import load

from comixup._base.atomic import write_file

RATE, SECONDS = 8000, 0.64
BINS, FRAMES = 32, 32


def tiny_imagenet(data, made):
    """Unpack the 20 classes of Tiny-ImageNet; return the folder."""
    folder = made / "tinyimagenet20"
    if not folder.exists():
        partial = made / f".tinyimagenet20.{os.getpid()}"
        with zipfile.ZipFile(data / "tinyimagenet" / "tinyimagenet20.zip") as archive:
            archive.extractall(partial)
        partial.rename(folder)
    return folder


def tiny_imagenet_32(data, made):
    """Make images of half the side, means of 2x2 pixels; return the file, with boxes to match."""
    file = made / "tinyimagenet20_32.npz"
    if not file.exists():
        full = load(str(tiny_imagenet(data, made)))
        arrays = {
            "x_train": halved(full.x_train),
            "y_train": full.y_train,
            "x_test": halved(full.x_test),
            "y_test": full.y_test,
            "names": np.array(full.names),
            "boxes_test": full.boxes_test // 2,  # inclusive corners
        }
        write_file(file, lambda stream: np.savez_compressed(stream, **arrays), overwrite=True)
    return file


def halved(images):
    """Return the means of 2x2 pixels of images (n, channels, height, width) of uint8."""
    n, channels, height, width = images.shape
    blocks = images.reshape(n, channels, height // 2, 2, width // 2, 2)
    return ((blocks.sum(axis=(3, 5), dtype=np.uint16) + 2) // 4).astype(np.uint8)


def digits(data, made):
    """Make spectrograms of the spoken digits; return the files for networks of 1 and 2 axes.

    For two, (1, frequency, time); for one, frequencies are channels: (frequency, time). Recordings
    0 to 4 of every speaker and digit are for testing.
    """
    made.mkdir(parents=True, exist_ok=True)
    files = {name: made / f"digits_{name}.npz" for name in ("1-D", "2-D")}
    if not all(path.exists() for path in files.values()):
        maps, labels, held_out = spectrograms(data / "audio" / "free-spoken-digit.tar.xz")
        for name, path in files.items():
            x = maps if name == "1-D" else maps[:, None]
            arrays = {
                "x_train": x[~held_out],
                "y_train": labels[~held_out],
                "x_test": x[held_out],
                "y_test": labels[held_out],
                "layout": "BCL" if name == "1-D" else "BCHW",
            }
            write_file(path, lambda file, a=arrays: np.savez_compressed(file, **a), overwrite=True)
    return files


def spectrograms(archive):
    """Return maps (n, frequency, time) in 0..1, digits, and which recordings are for testing."""
    from scipy.io import wavfile

    maps, labels, held_out = [], [], []
    with tarfile.open(archive) as tar:
        members = [m for m in tar if m.name.endswith(".wav")]
        for index, digit, _, member in sorted((*_parts(m.name), m) for m in members):
            rate, sound = wavfile.read(io.BytesIO(tar.extractfile(member).read()))
            if rate != RATE or sound.ndim != 1:
                raise ValueError(f"{member.name} needs one channel at {RATE} Hz, got {rate} Hz")
            maps.append(spectrogram(sound))
            labels.append(digit)
            held_out.append(index < 5)
    return np.stack(maps), np.array(labels), np.array(held_out)


def _parts(name):
    """Read .../DIGIT_SPEAKER_INDEX.wav; by index first, speakers and digits alternate."""
    digit, speaker, index = name.rpartition("/")[2].removesuffix(".wav").split("_")
    return int(index), int(digit), speaker


def spectrogram(sound):
    """Return the loudness (frequency, time) of the first 0.64 s, in 0..1 for 80 dB."""
    from scipy import signal

    n = int(RATE * SECONDS)
    hop = n // FRAMES
    sound = np.pad(sound[:n].astype(np.float64), (0, max(0, n - len(sound)) + hop))
    _, _, power = signal.spectrogram(
        sound, RATE, window="hann", nperseg=2 * hop, noverlap=hop, mode="psd"
    )
    power = power[: len(power) // BINS * BINS].reshape(BINS, -1, FRAMES).mean(axis=1)
    decibels = 10 * np.log10(power / power.max() + 1e-8)
    return (1 + decibels / 80).astype(np.float32)
