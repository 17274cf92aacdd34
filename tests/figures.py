"""How many rounds a proof runs: few in `make test`, the promised figure in `make prove`."""

import os

PROVING = os.environ.get("REMIT_PROVE") == "1"


def rounds(small: int, full: int) -> int:
    """`full` is the figure docs/guarantees.md promises; `small` keeps the everyday run short."""
    return full if PROVING else small
