"""Several processes train one model."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mindreader.bundles import read_bundle
from mindreader_training.data.batches import Sampler
from mindreader_training.data.layouts import read_dataset
from mindreader_training.distributed import World
from mindreader_training.overrides import with_overrides

PROGRAM = """
import torch
from mindreader_training.distributed import joined_world
with joined_world("cpu") as world:
    own = torch.nn.Linear(2, 1)
    torch.nn.init.constant_(own.weight, float(world.rank))
    world.broadcast_module(own)
    assert (own.weight == 0).all(), "the main process's weights"
    own.weight.grad = torch.full((1, 2), float(world.rank))
    world.average_gradients(own.parameters())
    assert (own.weight.grad == 0.5).all(), "the mean of both gradients"
    assert world.broadcast(7.0 + world.rank, torch.device("cpu")) == 7.0
    world.barrier()
    assert world.is_main_process == (world.rank == 0)
assert not torch.distributed.is_initialized(), "the group is left"
"""


def test_two_processes_share_weights_gradients_and_decisions():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=os.environ | address | {"RANK": str(rank)}, stderr=subprocess.PIPE
        )
        for rank in (0, 1)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()


def test_each_process_draws_its_own_half_of_a_batch(drawn_data, miniature):
    dataset, settings = read_dataset(drawn_data, "train"), with_overrides(miniature, ["batch=8"])
    one, other = (Sampler(dataset, settings, 0, World(rank, 2)).batch(0) for rank in (0, 1))
    assert len(one.sketches) == len(other.sketches) == 4
    assert not torch.equal(one.sketches, other.sketches)


@pytest.mark.slow
def test_several_processes_train_one_model(drawn_data, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    command = [Path(sys.executable).parent / "mindreader", "train", "--preset", "tiny", "--steps", "12"]
    command += ["--data", drawn_data, "--out", tmp_path / "run", "--device", "cpu"]
    command += ["--measure-every", "2", "--patience", "1"]
    subprocess.run([*launcher, *map(str, command)], check=True, capture_output=True, timeout=300)
    training = read_bundle(tmp_path / "run" / "bundle").manifest.training
    assert training.steps <= 12
    assert "2 × " not in training.hardware  # processes share this machine's cores
