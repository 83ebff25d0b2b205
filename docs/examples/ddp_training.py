"""DistributedDataParallel: two processes, each of which mixes its own part of every batch."""

import os
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from comixup.torch import CoMixup, training_step

CLASSES, PROCESSES = 3, 2


def load(n):
    """Return noise in which the color of the class is brighter: images (n, 3, 16, 16), labels."""
    labels = torch.arange(n) % CLASSES
    images = torch.rand(n, 3, 16, 16)
    images[torch.arange(n), labels] += 0.3
    return images, labels


def train(rank, meeting, result):
    """Train as one of the processes; the first writes the error and how the processes differ."""
    dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=PROCESSES)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = TensorDataset(*load(240))
    sampler = DistributedSampler(data, PROCESSES, rank, seed=0)
    loader = DataLoader(data, batch_size=20, sampler=sampler)
    model = DistributedDataParallel(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
        )
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    mix = CoMixup(seed=0, threads=1)  # the same seed everywhere: the rank makes the draws differ
    for epoch in range(8):
        sampler.set_epoch(epoch)
        for images, labels in loader:
            training_step(model, images, labels, mix, loss="ce")  # gradients are exchanged once
            optimizer.step()
            optimizer.zero_grad()
    weights = torch.cat([p.detach().ravel() for p in model.parameters()])
    gathered = [torch.empty_like(weights) for _ in range(PROCESSES)]
    dist.all_gather(gathered, weights)
    images, labels = load(90)
    with torch.no_grad():
        error = (model.eval()(images).argmax(1) != labels).float().mean().item()
    if rank == 0:
        torch.save((error, torch.equal(*gathered)), result)
    dist.destroy_process_group()


def main():
    with tempfile.TemporaryDirectory() as folder:
        meeting, result = (os.path.join(folder, name) for name in ("meeting", "result"))
        mp.spawn(train, (meeting, result), nprocs=PROCESSES)
        error, same = torch.load(result)
    if not same:
        raise SystemExit("the processes ended with different weights")
    if error > 0.2:
        raise SystemExit(f"nothing was learned: error {error:.3f}")
    print(f"error {error:.3f}, found by {PROCESSES} processes with equal weights")


if __name__ == "__main__":
    main()
