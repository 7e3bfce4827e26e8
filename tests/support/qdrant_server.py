"""A process that speaks the parts of Qdrant's REST and gRPC interfaces MindReader uses, over qdrant-client's in-memory
engine.

No Qdrant server can be had everywhere these tests run. With this one several processes share an index, and the
real client's requests, retries and errors are exercised; what only a real server does (durability, HNSW, sharding)
is not. `python -m tests.support.qdrant_server PORT GRPC_PORT KEY` serves until it is ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from threading import Lock

from flask import Flask, Response, jsonify, request
from qdrant_client import QdrantClient, models
from waitress import serve

from tests.support.qdrant_grpc import served
from tests.support.services import answers, free_port, wait_until

REPOSITORY = Path(__file__).parents[2]
LIMIT = 10  # Qdrant's own
KEY = "a key"


class QdrantServer:
    """One such process."""

    def __init__(self) -> None:
        self._port, self.grpc_port = free_port(), free_port()
        self.url, self.key = f"http://127.0.0.1:{self._port}", KEY
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.qdrant_server", str(self._port), str(self.grpc_port), self.key]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(command, env=environment)
        wait_until(lambda: answers(self._port), "the Qdrant stand-in")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def app(engine: QdrantClient, one_at_a_time: Lock, key: str, heard: list[dict[str, object]]) -> Flask:
    """The interface over HTTP; one request at a time, for the engine is made for one thread."""
    web = Flask(__name__)

    @web.before_request
    def _enter() -> Response | None:
        if request.headers.get("api-key") != key:
            return _status("Invalid API key", 401)
        heard.append({"method": request.method, "path": request.path, "body": request.get_json(silent=True)})
        one_at_a_time.acquire()
        request.environ["held"] = True
        return None

    @web.teardown_request
    def _leave(_: BaseException | None) -> None:
        if request.environ.pop("held", False):
            one_at_a_time.release()

    @web.errorhandler(ValueError)
    def _refuse(error: ValueError) -> Response:
        return _status(str(error), 404 if "not found" in str(error) else 400)

    @web.get("/heard")
    def tell() -> Response:
        """What was asked so far of a collection, for tests of the very requests."""
        return _result([each for each in heard if request.args["collection"] in str(each["path"])])

    @web.get("/collections/<name>/exists")
    def exists(name: str) -> Response:
        return _result({"exists": engine.collection_exists(name)})

    @web.get("/collections/<name>")
    def describe(name: str) -> Response:
        return _result(engine.get_collection(name))

    @web.put("/collections/<name>")
    def create(name: str) -> Response:
        if engine.collection_exists(name):
            return _status(f"Collection `{name}` already exists!", 409)
        asked = models.CreateCollection.model_validate(request.json)
        return _result(engine.create_collection(name, vectors_config=asked.vectors))

    @web.delete("/collections/<name>")
    def drop(name: str) -> Response:
        return _result(engine.delete_collection(name))

    @web.put("/collections/<name>/index")
    def index(name: str) -> Response:
        engine.get_collection(name)
        return _done()

    @web.put("/collections/<name>/points")
    def upsert(name: str) -> Response:
        engine.upsert(name, models.PointsList.model_validate(request.json).points)
        return _done()

    @web.post("/collections/<name>/points/delete")
    def delete(name: str) -> Response:
        engine.delete(name, models.PointIdsList.model_validate(request.json))
        return _done()

    @web.post("/collections/<name>/points/payload")
    def set_payload(name: str) -> Response:
        asked = models.SetPayload.model_validate(request.json)
        chosen = asked.filter or models.PointIdsList(points=asked.points or [])
        engine.set_payload(name, asked.payload, points=chosen)
        return _done()

    @web.post("/collections/<name>/points/query")
    def query(name: str) -> Response:
        asked = models.QueryRequest.model_validate(request.json)
        limit, payload = asked.limit or LIMIT, asked.with_payload or False
        return _result(
            engine.query_points(
                name,
                query=asked.query,
                using=asked.using,
                limit=limit,
                query_filter=asked.filter,
                with_payload=payload,
            )
        )

    @web.post("/collections/<name>/points/count")
    def count(name: str) -> Response:
        asked = models.CountRequest.model_validate(request.json)
        return _result(engine.count(name, count_filter=asked.filter, exact=True))

    @web.post("/collections/<name>/points/scroll")
    def scroll(name: str) -> Response:
        asked = models.ScrollRequest.model_validate(request.json)
        limit = asked.limit or LIMIT
        records, following = engine.scroll(name, offset=asked.offset, limit=limit, with_payload=False)
        return _result(
            {"points": [record.model_dump(mode="json") for record in records], "next_page_offset": following}
        )

    @web.post("/collections/<name>/points")
    def retrieve(name: str) -> Response:
        asked = models.PointRequest.model_validate(request.json)
        found = engine.retrieve(
            name, asked.ids, with_payload=asked.with_payload or False, with_vectors=asked.with_vector or False
        )
        return _result([record.model_dump(mode="json") for record in found])

    return web


def _result(result: object) -> Response:
    plain = result.model_dump(mode="json") if hasattr(result, "model_dump") else result
    return jsonify({"result": plain, "status": "ok", "time": 0.0})


def _done() -> Response:
    return _result({"operation_id": 0, "status": "completed"})


def _status(error: str, code: int) -> Response:
    answer = jsonify({"status": {"error": error}, "time": 0.0})
    answer.status_code = code
    return answer


def main(port: int, grpc_port: int, key: str) -> None:
    """Serve one engine in both ways."""
    warnings.filterwarnings("ignore", "Payload indexes have no effect")
    engine, one_at_a_time, heard = QdrantClient(":memory:"), Lock(), list[dict[str, object]]()
    over_grpc = served(engine, one_at_a_time, key, grpc_port, heard)
    serve(app(engine, one_at_a_time, key, heard), host="127.0.0.1", port=port, threads=4)
    over_grpc.stop(None)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
