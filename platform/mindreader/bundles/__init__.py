"""Model bundles: a folder with `bundle.json`, safetensors files and a model card.

Reading a manifest needs no torch; the weights are loaded by `mindreader.inference.query_model`.
"""

from mindreader.bundles.archive import pack_bundle, unpack_bundle
from mindreader.bundles.manifest import BundleManifest, TrainingRecord
from mindreader.bundles.storage import Bundle, default_bundle_folder, read_bundle, write_bundle

__all__ = [
    "Bundle",
    "BundleManifest",
    "TrainingRecord",
    "default_bundle_folder",
    "pack_bundle",
    "read_bundle",
    "unpack_bundle",
    "write_bundle",
]
