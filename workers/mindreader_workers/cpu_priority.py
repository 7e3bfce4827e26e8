"""How embedding photos keeps out of the way of people who search on the same processors."""

from __future__ import annotations

import os
import sys
import threading

_NICE = 15


def lower_cpu_priority() -> None:
    """Lower the priority of this thread and of all threads it starts, E2's and the decoders' among them.

    On Linux, where priorities belong to threads; elsewhere embedding and searching share alike.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
