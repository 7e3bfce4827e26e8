"""Try a bundle before anybody depends on it (see `mindreader.inference.smoke`)."""

from __future__ import annotations

from mindreader.bundles.store import BundleStore
from mindreader.inference.smoke import check_bundle
from mindreader.messages import SmokeTest
from mindreader.networks.compute import Compute


def smoke_test(kept: BundleStore, sha256: str, compute: Compute) -> SmokeTest:
    """Use a kept bundle once, as the workers do.

    Raises:
        BundleError: something in it does not fit.
        NotReadyError: its files, or the photo encoder's published weights, cannot be found.
    """
    result = check_bundle(kept.read(sha256, sha256[:8]), compute)
    return SmokeTest(
        photos_per_second=round(result.photos_per_second, 2),
        encoder_bytes=result.encoder_bytes,
        device=str(compute.device),
    )
