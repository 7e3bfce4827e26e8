"""The models of the bundle that ships with MindReader, made ready for OpenVINO before tests need them.

python -m tests.support.default_models FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.inference.anchors import schemes_for
from mindreader.inference.engines.compiled_models import (
    CompiledModels,
    NotConvertedError,
    bundle_source,
    convert_in_a_program,
    photo_encoder_source,
)
from mindreader.inference.regions import encoders_of

REPOSITORY = Path(__file__).parents[2]


def make_beside(folder: Path) -> None:
    """Begin now, while tests are collected; whoever needs one of them before it is there waits for it."""
    subprocess.Popen([sys.executable, "-m", "tests.support.default_models", str(folder)], cwd=REPOSITORY)


def main() -> None:
    """Make all of them, those for regions too."""
    bundle, models_folder = read_bundle(default_bundle_folder()), Path(sys.argv[1])
    models = CompiledModels(models_folder, convert_in_a_program)
    try:
        models.folder_of(bundle_source("generator", bundle))
        models.folder_of(bundle_source("query_encoder", bundle))
        for encoder in encoders_of(bundle.space.encoder, schemes_for(bundle.space)[0]):
            models.folder_of(photo_encoder_source(encoder, bundle.weights(PROJECTION_FILE)))
    except NotConvertedError:
        if models_folder.is_dir():
            raise  # else the tests are over already


if __name__ == "__main__":
    main()
