"""The models of the bundles that most tests answer with, made ready for OpenVINO before tests need them.

python -m tests.support.default_models FOLDER

They are made one after the other in this one program: each program that makes one spends most of its time on importing
what it takes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.inference.engines.compiled_models import (
    CompiledModels,
    NetworkSource,
    NotConvertedError,
    bundle_source,
    photo_encoder_source,
)
from mindreader.inference.engines.conversion import convert
from mindreader.inference.schemes import encoders_of, schemes_for
from tests.support.bundles import write_untrained_bundle


def main() -> None:
    """Make all of them, those for regions too."""
    models_folder = Path(sys.argv[1])
    models = CompiledModels(models_folder, convert)
    with tempfile.TemporaryDirectory() as folder:
        try:
            quick, other = (write_untrained_bundle(Path(folder) / str(seed), seed) for seed in range(2))
            for bundle in (quick, read_bundle(default_bundle_folder()), other):
                for source in _networks(bundle):
                    models.folder_of(source)
        except NotConvertedError:
            if models_folder.is_dir():
                raise  # else the tests are over already


def _networks(bundle: Bundle) -> Iterator[NetworkSource]:
    yield bundle_source("generator", bundle)
    yield bundle_source("query_encoder", bundle)
    projection = bundle.weights(PROJECTION_FILE) if bundle.space.projection else None
    for encoder in encoders_of(bundle.space.encoder, schemes_for(bundle.space)[0]):
        yield photo_encoder_source(encoder, projection)


if __name__ == "__main__":
    main()
