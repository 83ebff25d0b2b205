"""The example for Keras: its data set trains with every batch once, by step and epoch."""

import os
import pathlib
import runpy

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import comixup  # noqa: E402

if keras.backend.backend() != "torch":
    pytest.skip("looks at tensors of torch: KERAS_BACKEND is another", allow_module_level=True)

EXAMPLE = pathlib.Path(__file__).parents[1] / "docs" / "examples" / "keras_training.py"


@pytest.mark.filterwarnings("ignore")  # what Keras warns of is not ours
@pytest.mark.parametrize("first_epoch", [0, 1])
def test_the_data_set_of_the_example(first_epoch):
    example = runpy.run_path(str(EXAMPLE))
    rng = np.random.default_rng(0)
    images = rng.random((14, 8, 8, 3), dtype=np.float32)
    labels = np.arange(14) % 4
    mix = comixup.InputMixup(num_classes=4, channels="last", seed=0, off_epoch=2)
    data = example["Mixed"](images, labels, mix, batch_size=5)
    trained = []

    def loss(rows, probabilities):
        if isinstance(rows, torch.Tensor) and rows.device.type != "meta":  # not while it is built
            trained.append(rows.detach().cpu().numpy().copy())
        return keras.losses.categorical_crossentropy(rows, probabilities)

    model = example["network"]((8, 8, 3), 4)
    model.compile("sgd", loss, run_eagerly=True)
    callbacks = [data.follow()]
    options = {"initial_epoch": first_epoch, "callbacks": callbacks, "shuffle": False}
    model.fit(data, epochs=3, verbose=0, **options)
    assert len(trained) == 3 * (3 - first_epoch)
    orders = []
    for epoch in range(first_epoch, 3):
        order = np.random.default_rng(epoch).permutation(14)
        orders.append(tuple(order))
        for i in range(3):
            rows = order[5 * i : 5 * i + 5]
            expected = mix(images[rows], labels[rows], step=3 * epoch + i, epoch=epoch)
            np.testing.assert_allclose(trained.pop(0), expected.labels, rtol=1e-6)
    assert len(set(orders)) == len(orders)  # shuffled anew
