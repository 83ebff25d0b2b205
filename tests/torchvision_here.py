"""torchvision, also where its operators are missing: a wheel for GPUs beside PyTorch for CPUs."""

import importlib
import sys
import types

import pytest


def torchvision(name="torchvision"):
    """Return a module of torchvision; skip the test if it is not installed."""
    registrations = "torchvision._meta_registrations"
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip("torchvision is not installed")
    except RuntimeError:  # no operators: their registration is left out
        for loaded in [module for module in sys.modules if module.startswith("torchvision")]:
            del sys.modules[loaded]
        sys.modules[registrations] = types.ModuleType(registrations)
        return importlib.import_module(name)
