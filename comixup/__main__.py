"""``python -m comixup``: the same as the command ``comixup``."""

import sys

from comixup.cli import main

sys.exit(main())
