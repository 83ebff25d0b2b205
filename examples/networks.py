"""Small residual networks with pre-activation, for images, spectrograms and sequences.

K. He, X. Zhang, S. Ren, J. Sun, "Identity mappings in deep residual networks", ECCV 2016; with the
3x3 stem for small images that CIFAR networks have.
"""

from collections import OrderedDict

from torch import nn
from torch.nn import functional

ARCHITECTURES = {  # width, blocks a stage, stages
    "resnet8": (16, 1, 3),
    "resnet20": (16, 3, 3),
    "preactresnet18": (64, 2, 4),
}
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
POOLS = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d}


class Block(nn.Module):
    """Two convolutions with pre-activation, and what goes around them."""

    def __init__(self, inside, out, stride, dimensions=2):
        super().__init__()
        conv, norm = CONVOLUTIONS[dimensions], NORMS[dimensions]
        self.norm1, self.norm2 = norm(inside), norm(out)
        self.conv1 = conv(inside, out, 3, stride, 1, bias=False)
        self.conv2 = conv(out, out, 3, 1, 1, bias=False)
        same = inside == out and stride == 1
        self.shortcut = None if same else conv(inside, out, 1, stride, bias=False)

    def forward(self, x):
        """Return the features of the block."""
        y = functional.relu(self.norm1(x))
        z = self.conv2(functional.relu(self.norm2(self.conv1(y))))
        return z + (x if self.shortcut is None else self.shortcut(y))


def mixed_layers(model):
    """Return names of layers whose inputs Manifold Mixup mixes: images, and what leaves two stages.

    As published: the input and the outputs of the first two residual stages, or of as many as have
    another stage after them.
    """
    names = dict(model.named_children())
    return ["input", *(n for n in ("stage2block1", "stage3block1") if n in names)]


def network(arch, classes, *, channels=3, dimensions=2):
    """Return an untrained network; its parts ``relu`` and ``head`` give class activation maps."""
    width, depth, stages = ARCHITECTURES[arch]
    conv = CONVOLUTIONS[dimensions]
    layers = OrderedDict(stem=conv(channels, width, 3, 1, 1, bias=False))
    inside = width
    for stage in range(stages):
        for i in range(depth):
            out = width * 2**stage
            stride = 2 if stage and i == 0 else 1
            layers[f"stage{stage + 1}block{i + 1}"] = Block(inside, out, stride, dimensions)
            inside = out
    layers["norm"] = NORMS[dimensions](inside)
    layers["relu"] = nn.ReLU()
    layers["pool"] = POOLS[dimensions](1)
    layers["flatten"] = nn.Flatten()
    layers["head"] = nn.Linear(inside, classes)
    return nn.Sequential(layers)
