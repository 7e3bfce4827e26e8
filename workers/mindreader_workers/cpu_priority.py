"""How embedding photos keeps out of the way of people who search on the same processors."""

from __future__ import annotations

import os
import sys
import threading


def lower_cpu_priority(nice: int) -> None:
    """Lower the priority of this thread and of all threads and programs it starts, E2's and the decoders' among them.

    On Linux, where priorities belong to threads; elsewhere embedding and searching share alike.

    Args:
        nice: 0 to 19, the lowest priority. A thread that has a lower one already keeps it: only root may raise one.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
