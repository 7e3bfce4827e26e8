"""The very requests a Qdrant server gets, over HTTP and gRPC, and what happens when it does not answer.

Real requests, to a stand-in.
"""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

import grpc
import httpx
import numpy as np
import pytest
import trustme
from qdrant_client import QdrantClient
from werkzeug.serving import make_server

from mindreader.errors import ConfigurationError, NotReadyError
from mindreader.photo_index import EVERYTHING, IndexPoint
from mindreader.photo_index import open as opening
from mindreader.photo_index.open import open_photo_index
from mindreader.settings import load_settings
from tests.support.qdrant_grpc import served
from tests.support.qdrant_server import app
from tests.support.services import free_port

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection"),
]


@pytest.fixture
def open_index(qdrant_server, tmp_path):
    """Opens a new index of a server with these settings, and tells what that server was asked about it."""

    def opened(*, regions: bool = False, **more: str):
        key = uuid.uuid4().hex
        names = {"DATA_DIR": str(tmp_path), "QDRANT_URL": qdrant_server.url, "QDRANT_API_KEY": qdrant_server.key} | more
        settings = load_settings({f"MINDREADER_{name}": value for name, value in names.items()})
        index = open_photo_index(settings, key, 8, regions=regions)

        def heard(method: str, end: str) -> dict:
            asked_of = f"{qdrant_server.url}/heard?collection={key}"
            answer = httpx.get(asked_of, headers={"api-key": qdrant_server.key}).json()["result"]
            bodies: list[dict] = [
                each["body"] for each in answer if each["method"] == method and each["path"].endswith(end or key)
            ]
            (asked,) = bodies
            return asked

        return index, heard

    return opened


@pytest.fixture(params=["http", "grpc"])
def way(request, qdrant_server) -> dict[str, str]:
    """The settings that choose HTTP or gRPC."""
    return {"QDRANT_GRPC_PORT": str(qdrant_server.grpc_port)} if request.param == "grpc" else {}


@dataclass
class PrivateServer:
    """Speaks HTTP and gRPC with a certificate of an authority of its own."""

    http_port: int
    grpc_port: int
    authority: Path


@pytest.fixture
def private_server(tmp_path) -> Iterator[PrivateServer]:
    authority, ports = trustme.CA(), (free_port(), free_port())
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own = authority.issue_cert("127.0.0.1")
    chain = b"".join(part.bytes() for part in own.cert_chain_pems)
    engine, lock, tls = QdrantClient(":memory:"), Lock(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.configure_cert(tls)
    credentials = grpc.ssl_server_credentials([(own.private_key_pem.bytes(), chain)])
    over_grpc = served(engine, lock, "key", ports[1], [], credentials)
    over_http = make_server("127.0.0.1", ports[0], app(engine, lock, "key", []), threaded=True, ssl_context=tls)
    serving = Thread(target=over_http.serve_forever)
    serving.start()
    yield PrivateServer(*ports, tmp_path / "ca.pem")
    over_http.shutdown()
    serving.join()
    over_http.server_close()
    over_grpc.stop(None).wait()


@pytest.mark.parametrize("by_grpc", [False, True])
def test_a_certificate_of_ones_own_is_trusted_once_it_is_named(private_server, tmp_path, by_grpc, monkeypatch):
    monkeypatch.setattr(opening, "_RETRIES", 0)
    given = {
        "DATA_DIR": str(tmp_path),
        "QDRANT_URL": f"https://127.0.0.1:{private_server.http_port}",
        "QDRANT_API_KEY": "key",
        "QDRANT_TIMEOUT": "2",
        **({"QDRANT_GRPC_PORT": str(private_server.grpc_port)} if by_grpc else {}),
    }
    settings = load_settings({f"MINDREADER_{name}": value for name, value in given.items()})
    with pytest.raises(NotReadyError, match="does not answer"):
        open_photo_index(settings, "private", 8)
    trusting = settings.model_copy(update={"qdrant_ca_file": private_server.authority})
    index = open_photo_index(trusting, "private", 8)
    index.upsert([IndexPoint(1, np.ones(8, np.float32), 1)])
    assert index.count() == 1
    index.close()


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
        ("int8", {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}, 4.0),
        ("binary", {"binary": {"always_ram": True}}, 16.0),
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


def test_only_the_regions_that_are_searched_are_quantized_and_have_a_graph(open_index):
    index, heard = open_index(regions=True, QDRANT_QUANTIZATION="int8")
    made = heard("PUT", "")
    assert made.get("quantization_config") is None
    photo, regions = (made["vectors"][name] for name in ("photo", "regions"))
    assert (photo["size"], photo["on_disk"], photo["hnsw_config"]["m"]) == (8, True, 0)
    assert (photo.get("quantization_config"), photo.get("multivector_config")) == (None, None)
    assert regions["multivector_config"] == {"comparator": "max_sim"}
    assert regions["quantization_config"]["scalar"]["type"] == "int8"
    assert regions.get("hnsw_config") is None
    index.search(np.ones(8, np.float32), 3, EVERYTHING)
    asked = heard("POST", "/points/query")
    assert (asked["using"], asked["params"]["quantization"]["rescore"]) == ("regions", True)
    index.close()


def test_a_cluster_gets_shards_and_copies(open_index):
    index, heard = open_index(QDRANT_SHARDS="6", QDRANT_REPLICAS="2")
    assert (heard("PUT", "")["shard_number"], heard("PUT", "")["replication_factor"]) == (6, 2)
    index.close()


def test_over_grpc_the_same_is_asked(open_index, qdrant_server):
    ways = {"QUANTIZATION": "int8", "ON_DISK": "true", "SHARDS": "6", "REPLICAS": "2"}
    ways["GRPC_PORT"] = str(qdrant_server.grpc_port)
    index, heard = open_index(**{f"QDRANT_{name}": value for name, value in ways.items()})
    made = heard("gRPC", "CreateCollection")
    assert made["vectors_config"]["params"] == {"size": "8", "distance": "Cosine", "on_disk": True}
    assert made["quantization_config"]["scalar"] == {
        "type": "Int8",
        "quantile": pytest.approx(0.99),
        "always_ram": True,
    }
    assert (made["shard_number"], made["replication_factor"]) == (6, 2)
    index.search(np.ones(8, np.float32), 3, EVERYTHING)
    asked = heard("gRPC", "QueryPoints")["params"]["quantization"]
    assert (asked["rescore"], asked["oversampling"]) == (True, 4.0)
    index.close()


def test_another_key_is_refused_with_a_sentence(open_index, way):
    with pytest.raises(NotReadyError, match="MINDREADER_QDRANT_API_KEY"):
        open_index(QDRANT_API_KEY="another", **way)


def test_a_server_that_is_away_for_a_moment_is_asked_again(open_index, qdrant_server):
    indexes = [open_index()[0], open_index(QDRANT_GRPC_PORT=str(qdrant_server.grpc_port))[0]]
    for index in indexes:
        index.upsert([IndexPoint(1, np.ones(8, np.float32), 1)])
    qdrant_server.close()

    def waited(index) -> float:
        began = time.monotonic()
        with pytest.raises(NotReadyError, match="does not answer"):
            index.count()
        return time.monotonic() - began

    try:
        with ThreadPoolExecutor(len(indexes)) as both:
            # At least: a slow machine only waits longer.
            assert min(both.map(waited, indexes)) > 1.5, "it did not wait for the server at all"
    finally:
        qdrant_server.start()
    for index in indexes:
        with pytest.raises(NotReadyError):
            index.count()  # a stand-in forgets what it held; that it answers is what counts
        index.close()


def test_certificates_that_are_none_are_named(tmp_path, open_index):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="MINDREADER_QDRANT_CA_FILE"):
        open_index(QDRANT_CA_FILE=str(tmp_path / "ca.pem"))
