"""Models of E2 in int8, as `mindreader bundle int8` makes them of photos."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.inference.engines import int8_models
from mindreader.inference.engines.compiled_models import CompiledModels, convert_in_a_program
from mindreader.inference.engines.openvino_engine import OpenVINOEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.schemes import encoders_of
from mindreader.region_schemes import region_scheme
from mindreader_training.commands import bundle as bundle_commands
from mindreader_training.data.datasets import load_photos
from mindreader_training.data.layouts import read_dataset
from tests.support.temporary import compiled_models


@pytest.mark.slow
def test_the_models_that_the_command_makes_embed_as_those_in_float_do(trained, drawn_data, tmp_path, monkeypatch):
    made, out = read_bundle(trained / "bundle"), tmp_path / "int8"
    result = CliRunner().invoke(
        bundle_commands, ["int8", str(made.folder), "--data", str(drawn_data), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    monkeypatch.setattr(int8_models, "_FOLDER", out)
    encoder, projection = made.space.encoder, made.weights(PROJECTION_FILE)
    assert len(list(out.iterdir())) == len(encoders_of(encoder, region_scheme("corners6-int8")))
    photos = load_photos(read_dataset(drawn_data, "train").photos, encoder.input_size)
    engine = OpenVINOEngine(CompiledModels(compiled_models(), convert_in_a_program), False, 2, None)
    in_float = PhotoEncoder(encoder, engine, projection).embed(photos)
    in_int8 = PhotoEncoder(encoder, engine, projection, "int8").embed(photos)
    alike = (in_float * in_int8).sum(axis=1)
    assert alike.min() > 0.9
    assert not np.allclose(in_float, in_int8, atol=1e-4), "one of them is the other"
