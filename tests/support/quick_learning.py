"""MindReader that learns libraries of few photos, in few steps: `python -m tests.support.quick_learning serve …`.

Its program has the priority of the tests: beside all of them, the lowest one would get next to nothing of two cores.
"""

from __future__ import annotations

import runpy

from mindreader.learning import dataset, learner, trainings
from mindreader.learning.learner import Learner

LEAST = 12
STEPS = 3
MINIATURE = ("batch=2", f"phases.library.steps={STEPS}")


def main() -> None:
    for module in (trainings, dataset):
        vars(module)["LEAST_PHOTOS"] = LEAST
    vars(learner)["_NICE"] = 0
    Learner.__init__.__defaults__ = (MINIATURE,)  # of a worker's; the command line says its own
    runpy.run_module("mindreader.commands.main", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
