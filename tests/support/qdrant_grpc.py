"""The part of Qdrant's gRPC interface MindReader uses, over the engine of `tests.support.qdrant_server`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as wire
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

DONE = wire.PointsOperationResponse(result=wire.UpdateResult(operation_id=0, status=wire.UpdateStatus.Completed))


class Refused(Exception):
    """With a code of gRPC."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def served(
    engine: QdrantClient,
    lock: Lock,
    key: str,
    port: int,
    heard: list[dict[str, object]],
    certificate: grpc.ServerCredentials | None = None,
) -> grpc.Server:
    """A started server; it lives as long as somebody holds it."""
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[_KeyHolder(key)])
    wire.add_CollectionsServicer_to_server(_Collections(engine, lock, heard), server)
    wire.add_PointsServicer_to_server(_Points(engine, lock, heard), server)
    address = f"127.0.0.1:{port}"
    if certificate is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, certificate)
    server.start()
    return server


class _KeyHolder(grpc.ServerInterceptor):
    def __init__(self, key: str) -> None:
        self._key = key
        self._refusal: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
            lambda _, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "Invalid API key")
        )

    def intercept_service(self, continuation: Callable[..., Any], details: grpc.HandlerCallDetails) -> Any:
        knows = ("api-key", self._key) in details.invocation_metadata
        return continuation(details) if knows else self._refusal


class _Servicer:
    def __init__(self, engine: QdrantClient, lock: Lock, heard: list[dict[str, object]]) -> None:
        self._engine, self._lock, self._heard = engine, lock, heard

    def _do(self, request: Any, context: grpc.ServicerContext, work: Callable[[], Any]) -> Any:
        body = MessageToDict(request, preserving_proto_field_name=True)
        self._heard.append(
            {"method": "gRPC", "path": f"{request.collection_name}/{type(request).__name__}", "body": body}
        )
        try:
            with self._lock:
                return work()
        except Refused as error:
            context.abort(error.code, str(error))
        except ValueError as error:
            missing = "not found" in str(error)
            context.abort(grpc.StatusCode.NOT_FOUND if missing else grpc.StatusCode.INVALID_ARGUMENT, str(error))


class _Collections(_Servicer, wire.CollectionsServicer):
    def CollectionExists(self, request: Any, context: Any) -> Any:  # the interface's names
        exists = lambda: self._engine.collection_exists(request.collection_name)  # noqa: E731
        return self._do(
            request,
            context,
            lambda: wire.CollectionExistsResponse(result=wire.CollectionExists(exists=exists())),
        )

    def Create(self, request: Any, context: Any) -> Any:
        def create() -> Any:
            if self._engine.collection_exists(request.collection_name):
                raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"Collection `{request.collection_name}` already exists!")
            vectors = GrpcToRest.convert_vectors_config(request.vectors_config)
            self._engine.create_collection(request.collection_name, vectors_config=vectors)
            return wire.CollectionOperationResponse(result=True)

        return self._do(request, context, create)

    def Get(self, request: Any, context: Any) -> Any:
        def get() -> Any:
            info = self._engine.get_collection(request.collection_name)
            return wire.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(info))

        return self._do(request, context, get)

    def Delete(self, request: Any, context: Any) -> Any:
        def delete() -> Any:
            return wire.CollectionOperationResponse(result=self._engine.delete_collection(request.collection_name))

        return self._do(request, context, delete)


class _Points(_Servicer, wire.PointsServicer):
    def CreateFieldIndex(self, request: Any, context: Any) -> Any:
        return self._do(request, context, lambda: self._engine.get_collection(request.collection_name) and DONE)

    def Upsert(self, request: Any, context: Any) -> Any:
        def upsert() -> Any:
            points = [GrpcToRest.convert_point_struct(point) for point in request.points]
            self._engine.upsert(request.collection_name, points)
            return DONE

        return self._do(request, context, upsert)

    def Delete(self, request: Any, context: Any) -> Any:
        def delete() -> Any:
            self._engine.delete(request.collection_name, GrpcToRest.convert_points_selector(request.points))
            return DONE

        return self._do(request, context, delete)

    def SetPayload(self, request: Any, context: Any) -> Any:
        def label() -> Any:
            chosen = GrpcToRest.convert_points_selector(request.points_selector)
            payload = GrpcToRest.convert_payload(request.payload)
            self._engine.set_payload(request.collection_name, payload, points=getattr(chosen, "filter", chosen))
            return DONE

        return self._do(request, context, label)

    def Query(self, request: Any, context: Any) -> Any:
        def query() -> Any:
            found = self._engine.query_points(
                request.collection_name,
                query=GrpcToRest.convert_query(request.query),
                using=request.using or None,
                limit=request.limit,
                query_filter=_filter(request),
                with_payload=False,
            )
            return wire.QueryResponse(result=[RestToGrpc.convert_scored_point(point) for point in found.points])

        return self._do(request, context, query)

    def Count(self, request: Any, context: Any) -> Any:
        def count() -> Any:
            counted = self._engine.count(request.collection_name, count_filter=_filter(request), exact=True)
            return wire.CountResponse(result=RestToGrpc.convert_count_result(counted))

        return self._do(request, context, count)

    def Scroll(self, request: Any, context: Any) -> Any:
        def scroll() -> Any:
            offset = GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None
            records, following = self._engine.scroll(
                request.collection_name, offset=offset, limit=request.limit, with_payload=False
            )
            return wire.ScrollResponse(
                result=[_record(record) for record in records],
                next_page_offset=None if following is None else RestToGrpc.convert_extended_point_id(following),
            )

        return self._do(request, context, scroll)

    def Get(self, request: Any, context: Any) -> Any:
        def get() -> Any:
            ids = [GrpcToRest.convert_point_id(each) for each in request.ids]
            records = self._engine.retrieve(
                request.collection_name,
                ids,
                with_payload=GrpcToRest.convert_with_payload_selector(request.with_payload),
                with_vectors=GrpcToRest.convert_with_vectors_selector(request.with_vectors),
            )
            return wire.GetResponse(result=[_record(record) for record in records])

        return self._do(request, context, get)


def _filter(request: Any) -> models.Filter | None:
    return GrpcToRest.convert_filter(request.filter) if request.HasField("filter") else None


def _record(record: models.Record) -> Any:
    return RestToGrpc.convert_record(record.model_copy(update={"payload": record.payload or {}}))  # it needs one
