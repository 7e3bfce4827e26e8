"""Bundles from outside: each bad thing is built for real, and refused by name."""

import hashlib
import json
import os
import random
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from mindreader.bundles import BundleManifest, pack_bundle, sources, unpack_bundle, weight_files, write_bundle
from mindreader.errors import BundleError
from mindreader.networks.descriptions import ProjectionDescription, SpaceDescription, encoder_description

K, D = 4, 1280
FIT = {"weight": np.ones((K, D), np.float16), "bias": np.zeros(K, np.float16)}


def _write(folder, generator=None, projection=None, card="# Card"):
    """A bundle in order but for its networks, which nothing here builds."""
    weights = {
        "generator.safetensors": generator or safetensors.numpy.save({"x": np.ones(3, np.float32)}),
        "query_encoder.safetensors": safetensors.numpy.save({"x": np.ones(3, np.float16)}),
        "photo_projection.safetensors": projection or safetensors.numpy.save(FIT),
    }
    checksum = _sha256(weights["photo_projection.safetensors"])
    space = SpaceDescription(encoder_description("efficientnet-lite0"), ProjectionDescription(K, checksum))
    manifest = {
        "name": "small",
        "preset": "tiny",
        "space": {"photo_encoder": space.encoder.name, "key": space.key, "description": space.as_json()},
        "generator": {
            "image_size": 64,
            "base_channels": 4,
            "upsampling": "resize",
            "norm": "group",
            "condition": K,
        },
        "query_encoder": {"architecture": space.encoder.name, "input_size": 64, "sketch_weight": 0},
        "files": {"photo_projection.safetensors": checksum},
        "training": {"command": "", "data": "", "steps": 0, "hours": 0, "hardware": "", "seed": 0},
    }
    return write_bundle(folder, BundleManifest.model_validate(manifest), weights, card)


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def bundle(tmp_path):
    return _write(tmp_path / "made")


@pytest.fixture
def into(tmp_path):
    return tmp_path / "in" / "unpacked"


@pytest.fixture
def refused(into):
    """Unpacking is refused with a sentence that says this, and nothing is left of it."""

    def check(source, says):
        with pytest.raises(BundleError, match=says):
            unpack_bundle(source, into)
        assert not into.exists()

    return check


@pytest.fixture
def zipped(bundle, tmp_path):
    """The bundle as a zip file, with further entries, under a folder, or without some files."""

    def make(*more, under="", without=(), method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "bundle.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for file in sorted(bundle.folder.iterdir()):
                if file.name not in without:
                    archive.write(file, under + file.name)
            for entry, data in more:
                archive.writestr(entry, data)
        return path

    return make


def _entry(name, kind=stat.S_IFREG, method=zipfile.ZIP_DEFLATED):
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr, entry.compress_type = 3, (kind | 0o644) << 16, method
    return entry


def _files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("under", ["", "my bundle/"])
def test_a_zip_file_is_unpacked_from_its_top_or_from_one_folder(bundle, zipped, into, under):
    unpacked = unpack_bundle(zipped(under=under), into)
    assert unpacked.sha256 == bundle.sha256
    assert unpacked.folder == into
    assert _files(into) == _files(bundle.folder)


def test_a_folder_is_copied(bundle, into):
    assert unpack_bundle(bundle.folder, into).sha256 == bundle.sha256
    assert _files(into) == _files(bundle.folder)


def test_what_is_packed_can_be_unpacked_and_is_the_same_every_time(bundle, tmp_path, into):
    pack_bundle(bundle, tmp_path / "one.zip")
    os.utime(bundle.folder / "bundle.json", (0, 0))
    pack_bundle(bundle, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        methods = {entry.filename: entry.compress_type for entry in archive.infolist()}
    assert methods["generator.safetensors"] == zipfile.ZIP_STORED
    assert methods["bundle.json"] == zipfile.ZIP_DEFLATED
    assert unpack_bundle(tmp_path / "one.zip", into).sha256 == bundle.sha256
    assert _files(into) == _files(bundle.folder)


def test_figures_and_other_files_are_left_where_they_are(bundle, zipped, into):
    more = ("figures/best.png", b"x"), ("figures/", b""), ("__MACOSX/._bundle.json", b"x"), ("BUNDLE.JSON", b"x")
    unpack_bundle(zipped(*more), into)
    assert _files(into) == _files(bundle.folder)


def test_figures_in_a_folder_are_left_where_they_are(bundle, into):
    expected = _files(bundle.folder)
    (bundle.folder / "figures").mkdir()
    (bundle.folder / "grid.png").write_bytes(b"x")
    unpack_bundle(bundle.folder, into)
    assert _files(into) == expected


def test_a_folder_that_exists_is_not_written_into(bundle, tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(FileExistsError):
        unpack_bundle(bundle.folder, tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"


def test_unpacking_loads_no_torch(zipped, into):
    code = (
        "import sys; from pathlib import Path; from mindreader.bundles import unpack_bundle; "
        "unpack_bundle(*map(Path, sys.argv[1:])); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, zipped(), into], check=True)


# Names and kinds of entries


@pytest.mark.parametrize(
    "name",
    [
        "../generator.safetensors",
        "a/../../bundle.json",
        "..",
        "/etc/passwd",
        "C:/bundle.json",
        "C:bundle.json",
        "a\\..\\b",
        "\\\\server\\share",
        "bundle.json\x00.png",
        "a\nb",
    ],
)
def test_names_that_lead_elsewhere_are_refused(zipped, refused, name):
    entry = _entry("placeholder")
    entry.filename = name
    refused(zipped((entry, b"x")), "leads elsewhere")


@pytest.mark.parametrize("name", ["bundle.json", "figure.png", "a/b"])
def test_a_symbolic_link_in_a_zip_file_is_refused(zipped, refused, name):
    path = zipped((_entry(name, stat.S_IFLNK), b"/etc/passwd"), without=[name])
    refused(path, f"{name}' is a symbolic link")


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_device_in_a_zip_file_is_refused(zipped, refused, kind):
    refused(zipped((_entry("odd", kind), b"")), "'odd' is a device")


@pytest.mark.parametrize("name", ["generator.safetensors", "figure.png"])
def test_a_symbolic_link_in_a_folder_is_refused(bundle, tmp_path, refused, name):
    (tmp_path / "elsewhere").write_bytes(b"secret")
    (bundle.folder / name).unlink(missing_ok=True)
    (bundle.folder / name).symlink_to(tmp_path / "elsewhere")
    refused(bundle.folder, f"{name}' is a symbolic link")


def test_a_link_that_takes_a_file_s_place_is_not_followed(bundle, tmp_path, refused, monkeypatch):
    (tmp_path / "elsewhere").write_bytes(b"secret")

    def too_late(path):
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")

    monkeypatch.setattr(sources, "_check_path", lambda path: too_late(path) if path.name == "bundle.json" else None)
    refused(bundle.folder, r"bundle\.json cannot be read")


def test_a_pipe_in_a_folder_is_refused(bundle, refused):
    (bundle.folder / "generator.safetensors").unlink()
    os.mkfifo(bundle.folder / "generator.safetensors")
    refused(bundle.folder, r"generator\.safetensors' is a folder or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["generator.safetensors", "figure.png"])
def test_an_entry_that_is_there_twice_is_refused(zipped, refused, name):
    refused(zipped((name, b"x"), (name, b"x")), f"{name}' twice")


def test_two_bundles_in_one_zip_file_are_refused(zipped, refused):
    refused(zipped(("other/bundle.json", b"{}")), "more than one place")


def _patch(path, signature, offset, value):
    """Overwrite bytes of each header with this signature."""
    data = bytearray(path.read_bytes())
    at = data.find(signature)
    while at >= 0:
        data[at + offset : at + offset + len(value)] = value
        at = data.find(signature, at + 1)
    path.write_bytes(data)
    return path


def test_an_encrypted_entry_is_refused(zipped, refused):
    path = zipped()
    _patch(path, b"PK\x03\x04", 6, b"\x01\x00")
    refused(_patch(path, b"PK\x01\x02", 8, b"\x01\x00"), "is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(zipped, refused, method):
    refused(zipped(method=method), "unusual way")


# What is there, and whether it is whole


def test_what_is_neither_a_zip_file_nor_a_folder_is_refused(tmp_path, refused):
    (tmp_path / "bundle.zip").write_bytes(b"this is no zip file")
    refused(tmp_path / "bundle.zip", r"bundle\.zip cannot be read")
    refused(tmp_path / "nowhere.zip", r"no nowhere\.zip")


@pytest.mark.parametrize("under", ["a/b/", "bundle.json/"])
def test_a_zip_file_without_a_manifest_in_place_is_refused(zipped, refused, under):
    refused(zipped((under, b""), under=under, without=["bundle.json"]), r"There is no bundle\.json in bundle\.zip")


def test_an_empty_folder_is_refused(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", r"There is no bundle\.json in empty")


@pytest.mark.parametrize("name", ["generator.safetensors", "photo_projection.safetensors"])
def test_a_missing_file_is_refused_by_name(zipped, refused, name):
    refused(zipped(without=[name]), name)


def test_a_projection_the_manifest_does_not_name_is_refused(bundle, refused):
    manifest = json.loads((bundle.folder / "bundle.json").read_text())
    space = SpaceDescription(bundle.space.encoder)
    manifest["space"].update(key=space.key, description=space.as_json())
    manifest["generator"]["condition"] = 0
    del manifest["files"]["photo_projection.safetensors"]
    (bundle.folder / "bundle.json").write_text(json.dumps(manifest))
    refused(bundle.folder, r"photo_projection\.safetensors has no place")


def test_a_damaged_file_is_refused(bundle, zipped, refused):
    path = zipped(method=zipfile.ZIP_STORED)
    content = (bundle.folder / "generator.safetensors").read_bytes()
    path.write_bytes(path.read_bytes().replace(content, content[:-1] + b"\x00"))
    refused(path, r"generator\.safetensors cannot be read \(Bad CRC")


def test_a_file_with_another_checksum_is_refused(bundle, refused):
    (bundle.folder / "generator.safetensors").write_bytes(safetensors.numpy.save({"x": np.zeros(1)}))
    refused(bundle.folder, r"generator\.safetensors is damaged")


def test_a_zip_file_cut_short_is_refused(zipped, refused):
    path = zipped()
    path.write_bytes(path.read_bytes()[:-40])
    refused(path, r"bundle\.zip cannot be read")


def test_whatever_bytes_are_changed_a_bundle_is_taken_whole_or_refused(zipped, into):
    path = zipped()
    data, draw = path.read_bytes(), random.Random(0)
    for _ in range(400):
        changed = bytearray(data)
        # Half of the changes fall into the directory, where zip files keep what readers stumble over.
        first = data.index(b"PK\x01\x02") if draw.random() < 0.5 else 0
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(first, len(data))] = draw.randrange(256)
        path.write_bytes(changed)
        try:
            unpacked = unpack_bundle(path, into)
        except BundleError:
            assert not into.exists()
        else:
            assert set(_files(unpacked.folder)) <= set(sources.MAX_BYTES)
            for file in into.iterdir():
                file.unlink()
            into.rmdir()


# Sizes


def test_a_zip_bomb_is_refused_by_the_size_it_declares(zipped, refused, monkeypatch):
    monkeypatch.setitem(sources.MAX_BYTES, "generator.safetensors", 2**16)
    path = zipped(("generator.safetensors", bytes(2**24)), without=["generator.safetensors"])
    assert path.stat().st_size < 2**16
    refused(path, r"generator\.safetensors is larger than the 65536 bytes")


def test_a_zip_bomb_that_declares_a_small_size_is_refused_while_it_is_unpacked(zipped, refused):
    path = zipped(("generator.safetensors", bytes(2**24)), without=["generator.safetensors"])
    data = path.read_bytes()
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        sized = data.rindex(signature)
        assert data[sized + offset : sized + offset + 4] == struct.pack("<I", 2**24)
        data = data[: sized + offset] + struct.pack("<I", 100) + data[sized + offset + 4 :]
    path.write_bytes(data)
    refused(path, r"generator\.safetensors cannot be read")


def test_more_bytes_than_were_declared_are_counted(bundle, refused, monkeypatch):
    """A file that grows after it was looked at."""
    monkeypatch.setattr(sources, "_check_path", lambda path: None)
    monkeypatch.setitem(sources.MAX_BYTES, "model_card.md", 2**10)
    (bundle.folder / "model_card.md").write_bytes(bytes(2**21))
    refused(bundle.folder, r"model_card\.md is larger than the 1024 bytes")


def test_every_file_has_a_limit(tmp_path, bundle, zipped, refused):
    assert set(sources.MAX_BYTES) == set(_files(bundle.folder))
    (bundle.folder / "model_card.md").write_bytes(bytes(2**20 + 1))
    refused(bundle.folder, r"model_card\.md is larger than the 1048576 bytes")
    refused(zipped(), r"model_card\.md is larger than the 1048576 bytes")
    (bundle.folder / "model_card.md").unlink()
    (bundle.folder / "bundle.json").write_bytes(b" " * (4 * 2**20 + 1))
    refused(bundle.folder, r"bundle\.json is larger")
    with (bundle.folder / "generator.safetensors").open("wb") as file:
        file.truncate(4 * 2**30 + 1)  # a hole; it takes no room
    (bundle.folder / "bundle.json").write_text("{}")
    refused(bundle.folder, r"generator\.safetensors is larger")


def test_too_many_entries_are_refused(bundle, zipped, refused):
    refused(zipped(*((f"figure-{i}.png", b"") for i in range(sources.MAX_ENTRIES))), "more than 1000 files")
    for number in range(sources.MAX_ENTRIES):
        (bundle.folder / f"figure-{number}.png").touch()
    refused(bundle.folder, "more than 1000 files")


def test_a_directory_of_a_million_bytes_is_not_even_read(tmp_path, refused):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(8000):
            archive.writestr(f"{number:0100}", b"")
    refused(tmp_path / "many.zip", "directory is larger")


# Weights


def _raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


_ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"not safetensors at all",
        b"\xff" * 8 + b"{}",
        (2**40).to_bytes(8, "little") + b"{}",
        _raw(b"[]"),
        _raw(b"{"),
        _raw(b"[" * 100_000),
        _raw({"x": 1}),
        _raw({"x": _ONE}),
        _raw({"x": _ONE}, bytes(8)),
        _raw({"x": _ONE | {"shape": [2]}}, bytes(4)),
        _raw({"x": _ONE | {"shape": [2**63, 2**63]}}, bytes(4)),
        _raw({"x": _ONE | {"shape": [-1]}}, bytes(4)),
        _raw({"x": _ONE | {"dtype": "F31"}}, bytes(4)),
        _raw({"x": _ONE | {"data_offsets": [2, 6]}}, bytes(6)),
        _raw({"x": _ONE, "y": _ONE}, bytes(4)),
    ],
)
def test_files_that_are_no_safetensors_are_refused(tmp_path, refused, data):
    refused(_write(tmp_path / "bad", generator=data).folder, r"generator\.safetensors cannot be read")


def test_a_header_of_many_megabytes_is_refused(tmp_path, refused):
    data = _raw(b"{}".ljust(weight_files.MAX_HEADER_BYTES + 1))
    refused(_write(tmp_path / "bad", generator=data).folder, r"generator\.safetensors .* header is larger")


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.complex64])
def test_kinds_of_numbers_no_network_here_has_are_refused(tmp_path, refused, kind):
    data = safetensors.torch.save({"x": torch.ones(2).to(kind)})
    refused(_write(tmp_path / "bad", generator=data).folder, r"generator\.safetensors holds numbers of type")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused_wherever_they_are(tmp_path, refused, monkeypatch, kind, bad):
    monkeypatch.setattr(weight_files, "_CHUNK", 8)
    tensor = torch.full((5, 5), -torch.finfo(kind).max, dtype=kind)
    tensor[4, 3] = bad
    data = safetensors.torch.save({"a": torch.ones(3, dtype=kind), "b": tensor, "c": torch.ones(1, dtype=torch.bool)})
    refused(_write(tmp_path / "bad", generator=data).folder, r"generator\.safetensors .* not finite, in 'b'")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_largest_and_smallest_numbers_are_finite(tmp_path, into, kind):
    limits = torch.finfo(kind)
    numbers = torch.tensor([limits.max, limits.min, limits.tiny, -limits.tiny, 0.0], dtype=kind)
    counts = torch.tensor([-1, 2**63 - 1])
    data = safetensors.torch.save({"x": numbers, "n": counts, "flags": torch.ones(1, dtype=torch.bool)})
    unpack_bundle(_write(tmp_path / "good", generator=data).folder, into)


@pytest.mark.parametrize(
    "weights",
    [
        FIT | {"weight": np.ones((K + 1, D), np.float16)},
        FIT | {"weight": np.ones((K, D - 1), np.float16)},
        FIT | {"weight": np.ones((D, K), np.float16)},
        FIT | {"bias": np.zeros(K + 1, np.float16)},
        FIT | {"bias": np.zeros((K, 1), np.float16)},
        FIT | {"bias": np.zeros(K, np.int64)},
        FIT | {"surprise": np.zeros(K, np.float16)},
        {"weight": FIT["weight"]},
    ],
)
def test_a_projection_of_another_shape_is_refused(tmp_path, refused, weights):
    folder = _write(tmp_path / "bad", projection=safetensors.numpy.save(weights)).folder
    refused(folder, r"photo_projection\.safetensors does not fit .* 4 × 1280")
