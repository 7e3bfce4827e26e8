"""Connections that slow, silent and greedy clients cannot use up: waitress, with a limit to all that a client may cost.

* Somebody who sends or reads nothing is let go: each part of a request has its time (`Patience`). Where no connection
  is left, those that have kept the server waiting longest make room for new ones.
* A body beyond `SMALL_BODY` is taken only once a thread has asked whether this caller may bring it (`Gate`); else the
  app answers without having seen it. A client that wants to be asked first ("Expect: 100-continue") always is.
* An answer that is not read holds no thread, but for the one that makes it piece by piece, in its lane.
* Whoever is sent away may say the rest: it is read for a moment, since a connection that is closed before may lose the
  answer on its way.

The main loop reads, writes and closes; threads answer. Clocks here are monotonic.
"""

from __future__ import annotations

import copy
import logging
import resource
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask
from waitress.utilities import BadRequest

from mindreader_webui.access import BODY_REFUSED, SMALL_BODY
from mindreader_webui.lanes import Lane, LaneDispatcher

log = logging.getLogger(__name__)

_MAX_HEADERS = 64 * 2**10
_MAX_CHUNK_LINE = 8 * 2**10
_UNSENT_BYTES = 128 * 2**10
"""That the kernel keeps of an answer: with more, it would take a slow reader's progress minutes to show."""
_FORGET = struct.pack("ii", 1, 0)
_MAKE_ROOM = 16
_MOST_FILES = 4096
_FILES_PER_CONNECTION = 4
"""The connection, the body, the answer, and what the process itself has open."""


@dataclass(frozen=True)
class Patience:
    """How long the server waits for a client, in seconds, and for how many."""

    headers: float = 10.0
    """From the first byte of a request to the end of its headers."""
    body: float = 60.0
    """For each `pace` bytes of a body."""
    reading: float = 60.0
    """For each `pace` bytes of an answer to be taken."""
    idle: float = 150.0
    """For the next request; longer than the usual proxies keep a connection, so that they are the ones that close."""
    farewell: float = 10.0
    """For the client to close, once its last answer is sent."""
    pace: int = 128 * 2**10
    discarded: int = 256 * 2**20
    """Bytes that are read and thrown away during the farewell."""
    connections: int = 1000


class Gate(Protocol):
    """What the app says of a request of which there are only the headers."""

    def lane(self, method: str, path: str) -> Lane:
        """Where it waits for a thread; quick to say."""

    def body_limit(self, environ: dict[str, Any]) -> int | None:
        """Bytes of body it may bring; None: it will be refused anyway. May take its time."""


class BoundedRequest(HTTPRequestParser):  # type: ignore[misc]  # waitress carries no types
    """A request that brings no more than it may."""

    completed: bool
    expect_continue: bool
    may_bring = SMALL_BODY
    """Bytes of body."""
    is_settled = False
    """Whether the gate has been asked."""
    is_refused = False
    wants_continue = False

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self._paced_bytes = 0
        self.restart_clocks()

    def restart_clocks(self) -> None:
        """The client's time begins now."""
        self.began = self.paced = monotonic()

    def keep_pace(self, pace: int) -> None:
        """Give the body more time for each `pace` bytes that came."""
        if self.body_bytes_received >= self._paced_bytes + pace:
            self.paced, self._paced_bytes = monotonic(), self.body_bytes_received

    def parse_header(self, header_plus: bytes) -> None:
        """Understand the headers; "continue" is said by the channel, once it is settled."""
        try:
            super().parse_header(header_plus)
        except ValueError:  # of urlsplit, or of a number with thousands of digits
            raise ParsingError("Something in the headers cannot be understood") from None
        self.wants_continue, self.expect_continue = self.expect_continue, False

    def received(self, data: bytes) -> int:
        """Take in bytes; returns how many are this request's."""
        consumed: int = super().received(data)
        if self.is_settled and not self.completed and self._is_beyond():
            self.refuse()
        if _grows_without_end(self.body_rcv):
            self.error, self.completed = BadRequest("A line of the chunked body has no end"), True
        return consumed

    def asks(self) -> bool:
        """Whether the gate must be asked before anything more is read."""
        if self.is_settled or self.completed or not self.headers_finished:
            return False
        return self.wants_continue or self._is_beyond()

    def settle(self, limit: int | None) -> None:
        """Go on with what the gate said."""
        self.is_settled = True
        self.may_bring = limit or 0
        if limit is None or self._is_beyond():
            self.refuse()
        else:
            self.expect_continue = self.wants_continue
        self.restart_clocks()

    def refuse(self) -> None:
        """Be answered as it is; nothing after it on this connection is read."""
        self.headers["CONTENT_LENGTH"] = str(max(self.content_length, self.body_bytes_received))
        self.headers["CONNECTION"] = "close"
        self.close()
        self.body_rcv = None
        self.is_refused = self.completed = True

    def _is_beyond(self) -> bool:
        return bool(max(self.content_length, self.body_bytes_received) > self.may_bring)


class _BoundedTask(WSGITask):  # type: ignore[misc]
    """Tells the app when the body was not taken."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[BODY_REFUSED] = self.request.is_refused
        return environ


class _Question:
    """Asks the gate, in a thread: it may have to look into the catalog."""

    def __init__(self, channel: PatientChannel, request: BoundedRequest) -> None:
        self._channel, self._request = channel, request

    def service(self) -> None:
        """Ask, and go on accordingly."""
        head = copy.copy(self._request)
        head.body_rcv = None  # its bytes are the main loop's
        try:
            limit = self._channel.server.gate.body_limit(_BoundedTask(self._channel, head).get_environment())
        except Exception:
            log.exception("%s %s: nobody could say how large it may be", head.command, head.path)
            limit = None
        self._channel.settle(self._request, limit)

    def cancel(self) -> None:
        """The server ends."""
        self._channel.cancel()


class PatientChannel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    parser_class = BoundedRequest
    task_class = _BoundedTask
    sendbuf_len: int

    def __init__(self, server: PatientServer, sock: socket.socket, *arguments: Any, **more: Any) -> None:
        self.answered = self._paced = monotonic()
        self._parted: float | None = None
        self._discarded = self._sent = 0
        self._is_asking = self._is_deferred = self._is_writing = False
        super().__init__(server, sock, *arguments, **more)
        self.sendbuf_len = min(self.sendbuf_len, _UNSENT_BYTES)  # what it reads of an answer to send at once

    def waiting(self) -> tuple[float, float] | None:
        """Since when the client keeps us waiting, and how long it may; None while it waits for us."""
        patience: Patience = self.server.patience
        if self._parted is not None:
            return self._parted, patience.farewell
        if self.total_outbufs_len or self._is_deferred:
            return self._paced, patience.reading
        if self.requests or self._is_asking:
            return None
        request = self.request
        if request is None:
            return self.answered, patience.idle
        if not request.headers_finished:
            return max(request.began, self.answered), patience.headers
        return max(request.paced, self.answered), patience.body

    @property
    def is_known(self) -> bool:
        """Whether the gate let the caller in who is sending a body."""
        return self.request is not None and self.request.is_settled

    # The main loop's.

    def readable(self) -> bool:
        """Whether anything is read now."""
        if not self.connected:  # closed a moment ago; its descriptor may be another connection's soon
            return False
        return self._parted is not None or (not self._is_asking and super().readable())

    def writable(self) -> bool:
        """Whether there is something to write, or to do once it can be written."""
        return bool(self.connected and (self._is_deferred or super().writable()))

    def handle_read(self) -> None:
        """Take in what came."""
        if self._parted is None:
            super().handle_read()
        else:
            self._discard()

    def received(self, data: bytes) -> bool:
        """Take in bytes of a request, and ask the gate where it must be asked."""
        taken: bool = super().received(data)
        request = self.request
        if request is not None:
            request.keep_pace(self.server.patience.pace)
            if request.asks() and not self._is_asking:
                self._is_asking = True
                self.server.task_dispatcher.add_task(_Question(self, request))
        return taken

    def handle_write(self) -> None:
        """Send what there is."""
        if self.close_when_flushed:
            self._part()
        else:
            super().handle_write()
        if self._is_deferred and self.requests and not self.total_outbufs_len:
            self._is_deferred = False
            self.server.add_task(self)

    def drop(self) -> None:
        """Close at once, and let the system forget what was not read."""
        if self.total_outbufs_len:
            with suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FORGET)
        self.handle_close()

    def _part(self) -> None:
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            self.close_when_flushed, self._parted = False, monotonic()
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:  # it has gone first
                self.handle_close()

    def _discard(self) -> None:
        try:
            self._discarded += len(self.recv(self.adj.recv_bytes))  # closes where the client does
        except OSError:
            self.handle_close()
        if self._discarded > self.server.patience.discarded:
            self.handle_close()

    def _flush_some(self, do_close: bool = True) -> bool:
        with self.outbuf_lock:  # a thread may be sending "continue" just now
            before = self.total_outbufs_len
            flushed: bool = super()._flush_some(do_close=do_close)
            self._sent += before - self.total_outbufs_len
        if self._sent >= self.server.patience.pace:
            self._sent, self._paced = 0, monotonic()
        return flushed

    # The threads'.

    def defer(self) -> None:
        """Let the next request wait until the answer before it is on its way."""
        self._is_deferred = True

    def settle(self, request: BoundedRequest, limit: int | None) -> None:
        """Go on reading the request, or have it answered without its body."""
        with self.requests_lock:
            request.settle(limit)
            self._is_asking = False
            if request.is_refused:
                self._answer(request)
            elif request.expect_continue and not self.requests and not self.sent_continue:
                self.send_continue()
        self.server.pull_trigger()

    def _answer(self, request: BoundedRequest) -> None:
        self.request = None
        self.requests.append(request)
        if len(self.requests) == 1:
            self.server.add_task(self)

    def service(self) -> None:
        """Answer one request."""
        super().service()
        self.answered = monotonic()

    def send_continue(self) -> None:
        """Tell the client to send its body."""
        self._begin_sending()
        super().send_continue()

    def write_soon(self, data: Any) -> int:
        """Send this as soon as the client takes it; waits where much is waiting already."""
        self._begin_sending()
        self._is_writing = True
        try:
            written: int = super().write_soon(data)
        finally:
            self._is_writing = False
        return written

    def _begin_sending(self) -> None:
        self.answered = monotonic()
        if not self.total_outbufs_len:
            self._sent, self._paced = 0, self.answered

    def _flush_outbufs_below_high_watermark(self) -> None:
        # Between two requests the thread does not wait: the next one is deferred.
        if self._is_writing:
            super()._flush_outbufs_below_high_watermark()


class PatientServer(TcpWSGIServer):  # type: ignore[misc]
    """Listens at one address."""

    channel_class = PatientChannel

    def __init__(self, application: Any, gate: Gate, patience: Patience, **arguments: Any) -> None:
        self.gate, self.patience = gate, patience
        self._next_round = 0.0
        super().__init__(application, **arguments)

    def readable(self) -> bool:
        """Whether a new connection can be taken. The main loop asks it first of all, in each of its rounds."""
        now = monotonic()
        if now >= self._next_round:
            self._next_round = now + 1.0
            self.maintenance(now)
        if self._is_full():
            self._make_room()
        return bool(self.accepting and not self._is_full())

    def handle_accept(self) -> None:
        """Take the connections that wait, several at once: a round of the main loop takes time with many open."""
        for _ in range(_MAKE_ROOM):
            before = len(self._map)
            if not self._is_full():
                super().handle_accept()
            if len(self._map) == before:
                return

    def maintenance(self, now: float) -> None:
        """Close connections whose time is over."""
        # At once: a channel that only means to close does so when its socket can be written to, which may be never.
        for channel in list(self.active_channels.values()):
            waiting = channel.waiting()
            if waiting is not None and now - waiting[0] > waiting[1]:
                channel.drop()

    def add_task(self, channel: PatientChannel) -> None:
        """Have a thread answer the first request of a channel."""
        if channel.total_outbufs_len:
            channel.defer()
        else:
            self.task_dispatcher.add_task(channel, self._lane(channel.requests[0]))

    def set_socket_options(self, conn: socket.socket) -> None:
        """Set up a new connection."""
        super().set_socket_options(conn)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def _lane(self, request: BoundedRequest) -> Lane:
        if request.error or request.is_refused:
            return Lane.QUICK
        return self.gate.lane(request.command, request.path)

    def _is_full(self) -> bool:
        return bool(len(self._map) >= self.adj.connection_limit)

    def _make_room(self) -> None:
        waits = [(each, since) for each in self.active_channels.values() if (since := each.waiting())]
        waits.sort(key=lambda wait: (wait[0].is_known, wait[1][0]))
        for channel, _ in waits[:_MAKE_ROOM]:
            channel.drop()


@dataclass(frozen=True)
class Listening:
    """Servers at all the addresses of a host, in one main loop."""

    servers: tuple[PatientServer, ...]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.servers[0].effective_port)

    def run(self) -> None:
        """Serve until the thread is interrupted."""
        self.servers[0].run()

    def close(self) -> None:
        """Listen no more, and let connections and threads end with what they are at."""
        for server in self.servers:
            server.close()
            for channel in list(server.active_channels.values()):
                channel.will_close = True
        self.servers[0].task_dispatcher.set_thread_count(0)


def listen(
    application: Any, gate: Gate, patience: Patience, *, host: str, port: int, threads: int, **more: Any
) -> Listening:
    """Open the port; port 0 is a free one."""
    adjustments = Adjustments(
        host=host,
        port=port,
        threads=threads,
        asyncore_use_poll=True,  # select knows no descriptor beyond 1023
        connection_limit=min(patience.connections, _open_files() // _FILES_PER_CONNECTION),
        recv_bytes=SMALL_BODY,
        max_request_header_size=_MAX_HEADERS,
        max_request_body_size=2**63 - 1,  # each has its own limit: BoundedRequest
        ident=None,
        **more,
    )
    sockets: dict[int, Any] = {}
    dispatcher = LaneDispatcher(threads)
    addresses: Iterable[Any] = adjustments.listen if port else adjustments.listen[:1]
    return Listening(
        tuple(
            PatientServer(
                application, gate, patience, map=sockets, dispatcher=dispatcher, adj=adjustments, sockinfo=address
            )
            for address in addresses
        )
    )


def _open_files() -> int:
    """How many files this process may open; as many as it needs, if the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def _grows_without_end(receiver: Any) -> bool:
    """Whether what stands between the chunks of a body is kept, and has become long."""
    if not isinstance(receiver, ChunkedReceiver):
        return False
    return max(len(receiver.control_line), len(receiver.trailer)) > _MAX_CHUNK_LINE
