"""``python -m pushgate`` and the command ``pushgate``."""

import sys

from pushgate.cli import main

if __name__ == "__main__":
    sys.exit(main())
