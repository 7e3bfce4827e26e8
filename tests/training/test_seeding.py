import numpy as np

from mindreader_training.seeding import Stream, numpy_generator, torch_seed


def test_every_stream_seed_step_and_process_draws_for_itself():
    seeds = {
        torch_seed(stream, seed, step, rank)
        for stream in Stream
        for seed in range(4)
        for step in range(20)
        for rank in range(4)
    }
    assert len(seeds) == 3 * 4 * 20 * 4


def test_a_seed_is_the_same_everywhere_and_at_any_time():
    assert torch_seed(Stream.TRAINING, 3, 7, 1) == torch_seed(Stream.TRAINING, 3, 7, 1)
    assert torch_seed(Stream.TRAINING, 0, 0) == 4881901421217228719  # canonical, of numpy's SeedSequence
    # The batches of runs made before there were streams.
    assert numpy_generator(Stream.BATCHES, 3, 7, 1).random() == np.random.default_rng((3, 7, 1)).random()
