import numpy as np
import pytest

from mindreader.bundles import TrainingRecord
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader_training import dev_measure
from mindreader_training.data.layouts import read_dataset
from mindreader_training.data.protocols import Protocol
from mindreader_training.evaluation import evaluate as evaluation
from mindreader_training.evaluation.metrics import retrieval_scores
from mindreader_training.export import export_bundle

RECORD = TrainingRecord(command="none", data="none", steps=0, hours=0, hardware="cpu", seed=0)
QUERIES = ("raw_sketch", "query_encoder", "imaginary_to_query_encoder", "generator_and_query_encoder")


@pytest.fixture
def ranked(monkeypatch):
    """What was ranked so far: the embeddings of queries and gallery. Of mean precisions, near ties decide."""
    told: list[tuple[np.ndarray, np.ndarray]] = []

    def watched(queries, query_labels, gallery, *more, **options):
        told.append((queries, gallery))
        return retrieval_scores(queries, query_labels, gallery, *more, **options)

    for module in (dev_measure, evaluation):
        monkeypatch.setattr(module, "retrieval_scores", watched)
    return told


@pytest.mark.parametrize(("steps", "row"), [(2, "query_encoder"), (6, "generator_and_query_encoder")])
def test_a_run_is_measured_as_its_bundle_will_be_evaluated(new_run, drawn_data, tmp_path, ranked, steps, row):
    """While G has not been trained yet, by E1 alone; later as the product. A bundle's weights are fp16."""
    trainer, dataset = new_run().trainer, read_dataset(drawn_data, "train")
    for step in range(steps):
        trainer.step(step, trainer.sampler.batch(step))
    networks = trainer.result(steps)
    measure = dev_measure.development_measure(trainer, dataset)
    assert 0 < measure(networks.generator.half().float(), networks.query_encoder.half().float()) <= 1
    ((queries, gallery),) = ranked
    bundle = export_bundle(tmp_path / "bundle", "tiny", networks, RECORD, "miniature")
    rows = list(evaluation.evaluate(bundle, Protocol("train", "", "", dataset), TorchEngine.on("cpu", "float32")).rows)
    evaluated = dict(zip(rows, ranked[1:], strict=True))
    np.testing.assert_allclose(gallery, evaluated[row][1], atol=1e-3)
    np.testing.assert_allclose(queries, evaluated[row][0], atol=1e-3)
    others = [np.abs(evaluated[name][0] - queries).max() for name in QUERIES if name != row]
    assert min(others) > 0.01, "another row would have passed too"
