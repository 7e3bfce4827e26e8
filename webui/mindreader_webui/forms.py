"""Forms of several parts (multipart/form-data), read piece by piece: files into files, text into memory.

Read by the library `multipart`, not by werkzeug: docs/decisions/0018-reading-forms.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import IO, Any

from multipart import MultipartError, MultipartSegment, ParserError, ParserLimitReached, PushMultipartParser
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from mindreader.errors import InvalidInputError

_PIECE_BYTES = 2**16


class FormParser(FormDataParser):
    """What a request's `form_data_parser_class` has to be; `max_form_memory_size` is of all text fields together."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], Any, Any]:
        """Read a form.

        Returns:
            The stream, and the text fields and the files by their names.

        Raises:
            InvalidInputError: it is broken, or cut off; nothing of it is kept.
            RequestEntityTooLarge: it has more parts or more text than it may.
        """
        if mimetype != "multipart/form-data":
            return super().parse(stream, mimetype, content_length, options)
        boundary = (options or {}).get("boundary", "")
        most_text = math.inf if self.max_form_memory_size is None else self.max_form_memory_size
        form = _Form(self.stream_factory, most_text, f"--{boundary}".encode())
        try:
            parser = PushMultipartParser(boundary, max_segment_count=self.max_form_parts or math.inf)
            form.read(parser, stream)
        except ParserLimitReached:
            raise RequestEntityTooLarge from None
        except MultipartError as error:
            broken = InvalidInputError("The form that was sent is broken, or was cut off on its way. Send it again.")
            raise broken.with_inside(str(error)) from None
        return stream, self.cls(form.fields), self.cls(form.files)


class _Form:
    """The parts of one form so far."""

    def __init__(self, open_file: Callable[..., IO[bytes]], most_text: float, boundary: bytes) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, FileStorage]] = []
        self._open_file, self._text_left, self._boundary = open_file, most_text, boundary

    def read(self, parser: PushMultipartParser, stream: IO[bytes]) -> None:
        """Read all parts; on any error the files end."""
        try:
            for event in parser.parse_blocking(stream.read, _PIECE_BYTES):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                else:
                    self._add(event)
        except BaseException:
            for _, file in self.files:
                file.close()
            raise

    def _begin(self, part: MultipartSegment) -> None:
        # By werkzeug, for it knows names in the ways of older clients, too: filename*=UTF-8''….
        _, said = parse_options_header(part["Content-Disposition"])
        self._name, filename = said.get("name", ""), said.get("filename")
        self._file: IO[bytes] | None = None
        self._text = bytearray()
        if filename is not None:
            self._file = self._open_file(None, part.content_type, filename)
            self.files.append((self._name, FileStorage(self._file, filename, self._name)))

    def _add(self, data: bytes | bytearray) -> None:
        if self._file is not None:
            self._file.write(data)
            return
        self._text_left -= len(data)
        if self._text_left < 0:
            raise RequestEntityTooLarge
        self._text += data

    def _end(self) -> None:
        begins = bytes(self._text[: len(self._boundary)])
        if self._file is not None:
            self._file.seek(0)
            begins = self._file.read(len(self._boundary))
            self._file.seek(0)
        if begins == self._boundary:
            # An empty part without the line before its data, as RFC 2046 allows: the next one was taken for its data.
            raise ParserError("a boundary where data begin")
        if self._file is None:
            self.fields.append((self._name, self._text.decode(errors="replace")))
