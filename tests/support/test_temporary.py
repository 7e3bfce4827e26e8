"""What runs that were killed leave in memory is removed by the next; what belongs to one that goes on stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.temporary import own_folder, remove_abandoned

RUN = """
import sys, time
from pathlib import Path
from tests.support.temporary import own_folder
print(own_folder(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def run(memory: Path) -> tuple[subprocess.Popen[str], Path]:
    program = subprocess.Popen([sys.executable, "-c", RUN, str(memory)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    return program, Path(program.stdout.readline().strip())


def test_a_killed_run_leaves_nothing_for_long(tmp_path):
    killed, its_folder = run(tmp_path)
    going_on, other_folder = run(tmp_path)
    try:
        (its_folder / "file").write_bytes(b"large")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert its_folder.is_dir()
        remove_abandoned(tmp_path)
        assert list(tmp_path.iterdir()) == [other_folder]
    finally:
        for program in (killed, going_on):
            program.kill()
            program.communicate()
    own_folder(tmp_path)
    remove_abandoned(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1, "the other run's is gone, and one's own stays"
