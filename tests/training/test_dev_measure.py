import pytest

from mindreader.bundles import TrainingRecord
from mindreader.networks.compute import choose_compute
from mindreader_training.data.layouts import read_dataset
from mindreader_training.data.protocols import Protocol
from mindreader_training.dev_measure import development_measure
from mindreader_training.evaluation.evaluate import evaluate
from mindreader_training.export import export_bundle

RECORD = TrainingRecord(command="none", data="none", steps=0, hours=0, hardware="cpu", seed=0)


@pytest.mark.parametrize(("steps", "row"), [(2, "query_encoder"), (6, "generator_and_query_encoder")])
def test_a_run_is_measured_as_its_bundle_will_be_evaluated(new_run, drawn_data, tmp_path, steps, row):
    """While G has not been trained yet, by E1 alone; later as the product. A bundle's weights are fp16."""
    trainer, dataset = new_run().trainer, read_dataset(drawn_data, "train")
    for step in range(steps):
        trainer.step(step, trainer.sampler.batch(step))
    generator, query_encoder = trainer.averaged(steps)
    measured = development_measure(trainer, dataset)(generator.half().float(), query_encoder.half().float())
    bundle = export_bundle(tmp_path / "bundle", "tiny", trainer.result(steps), RECORD, "miniature")
    evaluation = evaluate(bundle, Protocol("train", "", "", dataset), choose_compute("cpu", "float32"))
    assert measured == pytest.approx(evaluation.rows[row].values["map"].mean(), abs=0.01)
