"""Forms are read whole, wherever the pieces end in which they are read; broken ones are refused, and leave nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import EnvironBuilder

from mindreader.errors import InvalidInputError
from mindreader_webui.forms import FormParser

SAID = {"category": ["", "", "dog\r"], "xmp": ["", "<x/>\r\n", "\r\n--for"], "": ["", "\r", "Größe"]}
"""Of three files."""
PHOTOS = [("a.jpg", b"\r\n--photo"), ("b;\x20ö.jpg", b""), ("c.jpg", b"x--form--\r\n-\r\r")]
MULTIPART = "multipart/form-data"


class Pieces(io.BytesIO):
    """Gives a form in pieces that end here, and by themselves every so many bytes."""

    def __init__(self, form: bytes, end: int = 0, most: int = 2**16) -> None:
        super().__init__(form)
        self._end, self._most = end, most

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        left = self._end - self.tell()
        return super().read(min(size, self._most, left if left > 0 else size))


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--form\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def whole_form() -> bytes:
    fields = [part(name, value.encode()) for name, values in SAID.items() for value in values]
    files = [part("file", photo, f'; filename="{name}"') for name, photo in PHOTOS]
    return b"".join([*fields, *files]) + b"--form--\r\n"


def read(stream: io.BytesIO, boundary: str = "form", **limits: Any) -> tuple[Any, Any]:
    parser = FormParser(lambda *_, **__: io.BytesIO(), **limits)
    _, form, files = parser.parse(stream, MULTIPART, None, {"boundary": boundary})
    return (
        {name: form.getlist(name) for name in form},
        [(each.filename, each.read()) for each in files.getlist("file")],
    )


def test_a_form_is_read_whole_wherever_a_piece_of_it_ends():
    form = whole_form()
    for end in range(len(form)):
        assert (end, *read(Pieces(form, end))) == (end, SAID, PHOTOS)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 40])
def test_a_form_is_read_whole_in_however_small_pieces(most):
    assert read(Pieces(whole_form(), most=most)) == (SAID, PHOTOS)


def test_names_come_in_the_ways_of_all_clients():
    old = part("file", b"x", "; filename*=UTF-8''Gr%C3%B6%C3%9Fe.jpg")
    quoted = part("file", b"y", '; filename="a %22b%22.jpg"')
    _, files = read(io.BytesIO(old + quoted + b"--form--"))
    assert files == [("Größe.jpg", b"x"), ('a "b".jpg', b"y")]


BROKEN = {
    "cut off in a file": whole_form()[:-30],
    "cut off before its end": whole_form().removesuffix(b"--form--\r\n"),
    "empty": b"",
    "without parts of this boundary": whole_form().replace(b"--form", b"--other"),
    "a part without a name of its kind": b"--form\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--form--",
    "an empty field without the line before its data": part("a", b"").removesuffix(b"\r\n") + whole_form(),
    "an empty file without it": part("a", b"", '; filename="a"').removesuffix(b"\r\n") + whole_form(),
    "a name that is no UTF-8": part("file", b"x").replace(b"file", b"\xff") + b"--form--",
}


@pytest.mark.parametrize("form", BROKEN.values(), ids=BROKEN)
def test_a_broken_form_is_refused_and_its_files_end(form):
    opened: list[io.BytesIO] = []

    def open_file(*_: Any, **__: Any) -> io.BytesIO:
        opened.append(io.BytesIO())
        return opened[-1]

    with pytest.raises(InvalidInputError, match="broken, or was cut off"):
        FormParser(open_file).parse(io.BytesIO(form), MULTIPART, len(form), {"boundary": "form"})
    assert all(file.closed for file in opened)


@pytest.mark.parametrize("boundary", ["", "a\nb"])
def test_a_form_without_a_boundary_that_can_be_is_refused(boundary):
    with pytest.raises(InvalidInputError):
        read(io.BytesIO(whole_form()), boundary)


def test_a_form_has_so_many_parts_and_so_much_text_at_most():
    text = sum(len(value.encode()) for values in SAID.values() for value in values)
    assert read(io.BytesIO(whole_form()), max_form_parts=12, max_form_memory_size=text) == (SAID, PHOTOS)
    with pytest.raises(RequestEntityTooLarge):
        read(io.BytesIO(whole_form()), max_form_parts=11)
    with pytest.raises(RequestEntityTooLarge):
        read(io.BytesIO(whole_form()), max_form_memory_size=text - 1)


def test_an_upload_that_was_cut_off_is_told_so_and_keeps_nothing(ann):
    collection = ann.collection()
    form = part("file", b"x" * 100, '; filename="a.jpg"')
    answer = ann.post(f"/collections/{collection}/photos", data=form, content_type=f"{MULTIPART}; boundary=form")
    assert (answer.status_code, answer.json["type"]) == (422, "urn:mindreader:problem:invalid-input")
    assert "Send it again" in answer.json["detail"]
    assert ann.get(f"/collections/{collection}").json["photos"] == 0


def test_the_test_client_sends_forms_as_browsers_do():
    data: dict[str, Any] = {"category": ["", "dog"], "file": (io.BytesIO(), "a.jpg")}
    sent = EnvironBuilder(method="POST", data=data).get_environ()
    boundary = sent["CONTENT_TYPE"].partition("boundary=")[2].strip('"').encode()
    _, *parts, end = sent["wsgi.input"].read().split(b"--" + boundary)
    assert [each.partition(b"\r\n\r\n")[2] for each in parts] == [b"\r\n", b"dog\r\n", b"\r\n"]
    assert end == b"--\r\n"
