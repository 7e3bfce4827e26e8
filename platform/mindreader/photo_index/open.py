"""Where the photo index of an embedding space lies, and one open index per space and process."""

from __future__ import annotations

import json
import logging
import math
import re
import ssl
import time
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from mindreader.errors import ConfigurationError, DamagedIndexError, IndexMismatchError, InvalidInputError
from mindreader.photo_index import edge
from mindreader.photo_index.checks import check_regions
from mindreader.photo_index.edge import EdgePhotoIndex, drop_edge_index
from mindreader.photo_index.protocol import PhotoIndex
from mindreader.settings import Settings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from mindreader.photo_index.server import ServerStorage

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_FAILURES = 600.0
"""An index in which the engine fails twice within so long is damaged, whatever it looked like when it was opened."""
_RETRIES = 4
# What a channel does with a request nobody took: as often as over HTTP, and about as long.
_GRPC_RETRIES = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": _RETRIES + 1,
                    "initialBackoff": "0.5s",
                    "maxBackoff": "4s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
# A key names a folder and a Qdrant collection, so it must not be able to leave either.
SPACE_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def open_photo_index(settings: Settings, space_key: str, dimension: int, *, regions: bool = False) -> PhotoIndex:
    """Open the photo index of an embedding space, made when it is not there.

    Qdrant Edge in ``settings.index_dir / space_key``, or the collection ``mindreader-<space_key>`` of
    the Qdrant server when ``settings.qdrant_url`` names one.

    Raises:
        InvalidInputError: the key cannot be part of a file name.
        IndexMismatchError: the index has another dimension or distance, or regions where none are asked for, or the
            other way round.
        ConflictError: the folder is open elsewhere.
        DamagedIndexError: the engine cannot read the folder.
        NotReadyError: the disk is full or cannot be written to, or the server does not answer.
    """
    _check_key(space_key)
    if not settings.qdrant_url:
        return EdgePhotoIndex(settings.index_dir / space_key, dimension, regions=regions)
    # Imported late: qdrant-client takes longer to import than everything else here, and Edge needs none of it.
    from mindreader.photo_index.server import ServerPhotoIndex

    client = server_client(settings)
    try:
        return ServerPhotoIndex(client, _collection_name(space_key), dimension, _storage(settings), regions=regions)
    except BaseException:
        client.close()
        raise


def drop_photo_index(settings: Settings, space_key: str) -> None:
    """Delete the photo index of an embedding space; one that is not there is fine.

    Raises:
        InvalidInputError: the key cannot be part of a file name.
        ConflictError: the folder is open.
        NotReadyError: the server does not answer.
    """
    _check_key(space_key)
    if not settings.qdrant_url:
        drop_edge_index(settings.index_dir / space_key)
        return
    from mindreader.photo_index.server import drop_server_index

    client = server_client(settings)
    try:
        drop_server_index(client, _collection_name(space_key))
    finally:
        client.close()


class IndexedSpace(Protocol):
    """What of an embedding space says which index is its own."""

    @property
    def key(self) -> str:
        """Its name."""

    @property
    def dimension(self) -> int:
        """Length D of its vectors."""

    @property
    def has_regions(self) -> bool:
        """Whether its photos are embedded region by region."""


class PhotoIndexes:
    """The photo indexes this process has open, one per embedding space, shared by all its threads.

    One whose folder is damaged stays refused until :meth:`set_aside` and :meth:`reopen`: who searches only finds out.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, PhotoIndex] = {}
        self._failed_at: dict[str, float] = {}
        self._damaged: dict[str, DamagedIndexError] = {}
        self._lock = Lock()

    def of(self, space: IndexedSpace) -> PhotoIndex:
        """Return the index of a space; see :meth:`get`.

        Raises:
            IndexMismatchError, DamagedIndexError, InvalidInputError, ConflictError, NotReadyError: as :meth:`get`.
        """
        return self.get(space.key, space.dimension, regions=space.has_regions)

    def get(self, space_key: str, dimension: int, *, regions: bool = False) -> PhotoIndex:
        """Return the space's index, opened on first use. Do not close it: others use the same one.

        One in which the engine failed is opened, and looked at, anew.

        Raises:
            IndexMismatchError: the index has another dimension or distance, or regions where none are asked for, or
                the other way round.
            DamagedIndexError: its files are damaged.
            InvalidInputError, ConflictError, NotReadyError: as :func:`open_photo_index`.
        """
        with self._lock:
            index = self._usable(space_key, dimension, regions)
        if index.dimension != dimension:
            raise IndexMismatchError(
                f"The photo index of embedding space {space_key} holds {index.dimension}-dimensional vectors, "
                f"but {dimension} dimensions were asked for. One space has one exact photo encoder."
            )
        check_regions(index.has_regions, regions, space_key)
        return index

    def set_aside(self, space_key: str, dimension: int) -> None:
        """Rename the folder of an index that is damaged; for the worker that fills another one.

        Raises:
            ConflictError, NotReadyError: as :func:`mindreader.photo_index.edge.set_edge_index_aside`.
        """
        with self._lock:
            if (damaged := self._damaged.get(space_key)) is None:
                return
            aside = edge.set_edge_index_aside(self._settings.index_dir / space_key, dimension)
        if aside is not None:
            log.error("The photo index was set aside as %s: %s", aside, damaged.for_administrators)

    def reopen(self, space_key: str) -> None:
        """Let the space's index be opened again, once what it held is queued."""
        with self._lock:
            self._damaged.pop(space_key, None)
            self._failed_at.pop(space_key, None)

    def were_set_aside(self, space_key: str) -> list[datetime]:
        """When indexes of this space were set aside and left there (UTC, in full seconds), ascending."""
        _check_key(space_key)
        return [] if self._settings.qdrant_url else edge.set_aside(self._settings.index_dir / space_key)

    def _usable(self, space_key: str, dimension: int, regions: bool) -> PhotoIndex:
        if (damaged := self._damaged.get(space_key)) is not None:
            raise DamagedIndexError().with_inside(damaged.inside)
        index = self._open.get(space_key)
        try:
            if index is not None and index.failure is not None:
                self._close_failed(space_key, index)
                index = None
            if index is None:
                index = open_photo_index(self._settings, space_key, dimension, regions=regions)
                self._open[space_key] = index
        except DamagedIndexError as error:
            self._damaged[space_key] = error
            log.error("%s", error.for_administrators)
            raise
        return index

    def _close_failed(self, space_key: str, index: PhotoIndex) -> None:
        """Close an index in which the engine failed.

        Raises:
            DamagedIndexError: it failed a little earlier too.
        """
        log.error("The photo index is opened anew: %s", index.failure)
        del self._open[space_key]
        index.close()
        before, now = self._failed_at.get(space_key), time.monotonic()
        self._failed_at[space_key] = now
        if before is not None and now - before < _SECONDS_BETWEEN_FAILURES:
            raise DamagedIndexError().with_inside(str(index.failure))

    def drop(self, space_key: str) -> None:
        """Close and delete the space's index; whoever still holds it gets ``NotReadyError`` from then on.

        Raises:
            InvalidInputError, ConflictError, NotReadyError: as :func:`drop_photo_index`.
        """
        with self._lock:
            index = self._open.pop(space_key, None)
            if index is not None:
                index.close()
            drop_photo_index(self._settings, space_key)
            self._damaged.pop(space_key, None)

    def close(self) -> None:
        """Close every index; a later :meth:`get` opens anew."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


def _check_key(space_key: str) -> None:
    if not SPACE_KEY.fullmatch(space_key):
        raise InvalidInputError(
            f"{space_key!r} cannot name an embedding space: take 1 to 100 letters, digits, '.', '_' and '-', "
            "starting with a letter or digit."
        )


def _collection_name(space_key: str) -> str:
    return f"mindreader-{space_key}"


def server_client(settings: Settings) -> QdrantClient:
    """A client of the Qdrant server of the settings; every request can be repeated, and is when nobody answers.

    Raises:
        ConfigurationError: the certificates cannot be read.
    """
    from qdrant_client import QdrantClient

    trusted = _trusted(settings)
    return QdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_api_key.get_secret_value() or None,
        timeout=math.ceil(settings.qdrant_timeout),
        check_compatibility=False,  # would ask the server now, and only to warn
        transport=httpx.HTTPTransport(retries=_RETRIES, verify=trusted),  # after half a second, one and two
        **_over_grpc(settings, trusted),
    )


def _over_grpc(settings: Settings, trusted: ssl.SSLContext) -> dict[str, Any]:
    """What makes the client speak gRPC; nothing where it is to speak HTTP."""
    if settings.qdrant_grpc_port is None:
        return {}
    options = {"grpc.service_config": _GRPC_RETRIES, "root_certificates": _pem(trusted)}
    return {"prefer_grpc": True, "grpc_port": settings.qdrant_grpc_port, "grpc_options": options}


def _trusted(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.qdrant_ca_file is not None:
        try:
            context.load_verify_locations(settings.qdrant_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"MINDREADER_QDRANT_CA_FILE names {settings.qdrant_ca_file}, which holds no certificates: {error}."
            ) from None
    return context


def _pem(trusted: ssl.SSLContext) -> bytes | None:
    """The same certificates as gRPC wants them; without any, it has its own."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, trusted.get_ca_certs(binary_form=True))).encode() or None


def _storage(settings: Settings) -> ServerStorage:
    from mindreader.photo_index.server import ServerStorage

    return ServerStorage(
        quantization=settings.qdrant_quantization,
        on_disk=settings.qdrant_on_disk,
        shards=settings.qdrant_shards,
        replicas=settings.qdrant_replicas,
    )
