"""The very requests a Qdrant server gets, and what happens when it does not answer. Real HTTP, to a stand-in."""

from __future__ import annotations

import time
import uuid

import httpx
import numpy as np
import pytest

from mindreader.errors import ConfigurationError, NotReadyError
from mindreader.photo_index import EVERYTHING, IndexPoint
from mindreader.photo_index.open import open_photo_index
from mindreader.settings import load_settings

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection"),
]


@pytest.fixture
def open_index(qdrant_server, tmp_path):
    """Opens a new index of a server with these settings, and tells what that server was asked about it."""

    def opened(**more: str):
        key = uuid.uuid4().hex
        names = {"DATA_DIR": str(tmp_path), "QDRANT_URL": qdrant_server.url, "QDRANT_API_KEY": qdrant_server.key} | more
        settings = load_settings({f"MINDREADER_{name}": value for name, value in names.items()})
        index = open_photo_index(settings, key, 8)

        def heard(method: str, end: str) -> dict:
            answer = httpx.get(f"{qdrant_server.url}/heard", headers={"api-key": qdrant_server.key}).json()["result"]
            (asked,) = [
                each["body"]
                for each in answer
                if each["method"] == method and key in each["path"] and each["path"].endswith(end or key)
            ]
            return asked

        return index, heard

    return opened


def test_without_settings_nothing_is_asked_but_size_and_distance(open_index):
    index, heard = open_index()
    made = {name: value for name, value in heard("PUT", "").items() if value is not None}
    assert made.pop("vectors") == {"size": 8, "distance": "Cosine"}
    assert made == {"shard_number": 1, "replication_factor": 1}
    index.search(np.ones(8, np.float32), 3, EVERYTHING)
    assert heard("POST", "/points/query").get("params") is None
    index.close()


@pytest.mark.parametrize(
    ("quantization", "config", "oversampling"),
    [
        ("int8", {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}, 2.0),
        ("binary", {"binary": {"always_ram": True}}, 4.0),
    ],
)
def test_quantized_vectors_are_compared_again_in_full(open_index, quantization, config, oversampling):
    index, heard = open_index(QDRANT_QUANTIZATION=quantization, QDRANT_ON_DISK="true")
    made = heard("PUT", "")
    assert made["quantization_config"] == config
    assert made["vectors"]["on_disk"] is True
    index.search(np.ones(8, np.float32), 3, EVERYTHING)
    asked = heard("POST", "/points/query")["params"]["quantization"]
    assert (asked["rescore"], asked["oversampling"]) == (True, oversampling)
    index.close()


def test_a_cluster_gets_shards_and_copies(open_index):
    index, heard = open_index(QDRANT_SHARDS="6", QDRANT_REPLICAS="2")
    assert (heard("PUT", "")["shard_number"], heard("PUT", "")["replication_factor"]) == (6, 2)
    index.close()


def test_another_key_is_refused_with_a_sentence(open_index):
    with pytest.raises(NotReadyError, match="MINDREADER_QDRANT_API_KEY"):
        open_index(QDRANT_API_KEY="another")


def test_a_server_that_is_away_for_a_moment_is_asked_again(open_index, qdrant_server):
    index, _ = open_index()
    index.upsert([IndexPoint(1, np.ones(8, np.float32), 1)])
    qdrant_server.close()
    try:
        began = time.monotonic()
        with pytest.raises(NotReadyError, match="does not answer"):
            index.count()
        assert time.monotonic() - began > 1.5, "it did not wait for the server at all"
    finally:
        qdrant_server.start()
    with pytest.raises(NotReadyError):
        index.count()  # a stand-in forgets what it held; that it answers is what counts
    index.close()


def test_certificates_that_are_none_are_named(tmp_path, open_index):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="MINDREADER_QDRANT_CA_FILE"):
        open_index(QDRANT_CA_FILE=str(tmp_path / "ca.pem"))
