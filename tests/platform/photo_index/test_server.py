"""What only the server adapter can meet: other people's collections, and a server that is away or says no."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from mindreader.boxes import WHOLE
from mindreader.errors import IndexMismatchError, NotReadyError
from mindreader.photo_index import IndexFilter, IndexPoint
from mindreader.photo_index.server import ServerPhotoIndex, drop_server_index

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


@pytest.fixture
def memory() -> Iterator[QdrantClient]:
    client = QdrantClient(":memory:")
    yield client
    client.close()


@pytest.fixture
def refusing_server() -> Iterator[str]:
    """URL of a server that answers every request with 401, as Qdrant does without its API key."""

    class Refuse(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            self.send_response(401)
            self.end_headers()

        do_GET = do_PUT = do_POST = do_DELETE = _refuse

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_collection_with_another_distance_is_refused_and_both_are_named(memory: QdrantClient) -> None:
    memory.create_collection("space", vectors_config=models.VectorParams(size=8, distance=models.Distance.DOT))
    with pytest.raises(IndexMismatchError, match=r"8 dimensions with Dot.*8 dimensions with Cosine"):
        ServerPhotoIndex(memory, "space", 8)


def test_a_collection_of_before_there_were_regions_opens_as_it_is(memory: QdrantClient) -> None:
    """Made as the version before made it: one unnamed vector a point, no boxes in the payload."""
    params = models.VectorParams(size=8, distance=models.Distance.COSINE)
    memory.create_collection("space", vectors_config=params)
    labels = {"collection_id": 1, "category_id": None, "day": None}
    memory.upsert("space", [models.PointStruct(id=7, vector=[1.0, *[0.0] * 7], payload=labels)])
    index = ServerPhotoIndex(memory, "space", 8)
    (hit,) = index.search(np.eye(8, dtype=np.float32)[0], 5, IndexFilter((1,)))
    assert hit.photo_id == 7
    assert list(index.regions([7])[7].boxes) == [WHOLE]
    with pytest.raises(IndexMismatchError, match="one vector for each photo, but this embedding space has regions"):
        ServerPhotoIndex(memory, "space", 8, regions=True)


def test_a_collection_of_somebody_else_with_named_vectors_is_refused(memory: QdrantClient) -> None:
    params = models.VectorParams(size=8, distance=models.Distance.COSINE)
    memory.create_collection("space", vectors_config={"text": params})
    with pytest.raises(IndexMismatchError, match="several named vectors"):
        ServerPhotoIndex(memory, "space", 8)


def test_dropping_removes_the_collection_and_a_missing_one_is_fine(memory: QdrantClient) -> None:
    index = ServerPhotoIndex(memory, "space", 8)
    index.upsert([IndexPoint(1, np.ones(8, np.float32), 1)])
    drop_server_index(memory, "space")
    assert not memory.collection_exists("space")
    drop_server_index(memory, "space")


def test_a_server_that_does_not_answer_is_named_as_the_reason() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    client = QdrantClient(url=url, timeout=2, check_compatibility=False)
    with pytest.raises(NotReadyError, match=r"does not answer.*MINDREADER_QDRANT_URL"):
        ServerPhotoIndex(client, "space", 8)
    with pytest.raises(NotReadyError, match="does not answer"):
        drop_server_index(client, "space")
    client.close()


def test_a_server_that_refuses_is_named_as_the_reason(refusing_server: str) -> None:
    client = QdrantClient(url=refusing_server, timeout=2, check_compatibility=False)
    with pytest.raises(NotReadyError, match=r"HTTP 401.*MINDREADER_QDRANT_API_KEY"):
        ServerPhotoIndex(client, "space", 8)
    client.close()
