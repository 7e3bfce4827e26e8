"""The disk is full (a small one, really full): nothing is promised, nothing dies, and with room work goes on."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from mindreader.photo_index.edge import ROOM_BYTES
from tests.support.disks import fill, small_disk
from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos

# Qdrant Edge writes through memory maps, so that a full disk would end the process with SIGBUS.
WRITE_UNTIL_REFUSED = """
import sys
from pathlib import Path
import numpy as np
from mindreader.errors import NotReadyError
from mindreader.photo_index import EVERYTHING, IndexPoint
from mindreader.photo_index.edge import EdgePhotoIndex
random = np.random.default_rng(0)
try:
    index = EdgePhotoIndex(Path(sys.argv[1]), 256)
    for number in range(1, int(sys.argv[2]), 32):
        index.upsert([IndexPoint(number + k, random.normal(size=256).astype("f"), 1, None) for k in range(32)])
except NotReadyError as error:
    print(error.for_administrators)
"""


@pytest.mark.parametrize("megabytes", [2, ROOM_BYTES // 2**20 + 24])
def test_the_photo_index_refuses_with_a_sentence_before_the_engine_would_be_killed(tmp_path, megabytes):
    with small_disk(tmp_path / "disk", megabytes) as disk:
        command = [sys.executable, "-c", WRITE_UNTIL_REFUSED, str(disk / "space")]
        done = subprocess.run([*command, "60_000"], capture_output=True, text=True)
        assert done.returncode == 0, f"ended by {done.returncode}: {done.stderr}"
        assert "are free on its disk" in done.stdout
        subprocess.run(["mount", "-o", "remount,size=300m", disk], check=True)
        again = subprocess.run([*command, "3_000"], capture_output=True, text=True)
        assert (again.returncode, again.stdout) == (0, "")


def test_uploads_are_refused_while_it_is_full_and_what_was_acknowledged_is_embedded_when_there_is_room(
    deploy, tmp_path, sketch_png
):
    with small_disk(tmp_path / "embedded" / "data", 240) as disk:
        deployment = deploy("embedded")
        photos = write_photos(tmp_path / "photos", 24)
        with deployment.api() as api:
            patron = Patron(api)
            assert patron.upload(photos[:8])
            filler = fill(disk)
            acknowledged = len(patron.record.created)
            patron.upload(photos[8:16])
            assert len(patron.record.created) == acknowledged, "it promised to keep what cannot be kept"
            assert api.get("/collections").status_code == 200, "looking needs no room"
            readiness = httpx.get(api.base_url.copy_with(path="/readyz"))
            assert (readiness.status_code, readiness.text) == (503, "the disk is full")
            filler.unlink()
            assert patron.upload(photos[8:])
            assert len(patron.record.present) == len(photos)
            settle(deployment.settings)
            assert patron.search(sketch_png) is not None
        deployment.stop()
        check(deployment.settings, patron.record)
