"""Named points at which a test lets the process die, to see that nothing is charged twice or lost (M-7).

Surprise: this ships, because the proof kills the real process. Settings allow a point in development only.
"""

import os
import signal
from enum import StrEnum

from billing.settling import Reached


class CrashPoint(StrEnum):
    """Where in the course of a payment."""

    RESERVE = "reserve"  # the attempt is committed, nothing is sent
    SEND = "send"  # the gateway answered, or didn't; nothing of it is noted
    APPLY = "apply"  # the entry is posted, the receipt not queued, nothing committed
    MAIL = "mail"  # the receipt is queued, nothing committed
    COMMIT = "commit"  # all is committed, nobody was told


def dying_at(point: CrashPoint) -> Reached:
    """What the process passes on as `reached`: at `point` it is gone, without a last word."""

    def reached(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached
