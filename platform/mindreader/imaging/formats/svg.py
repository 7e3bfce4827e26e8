"""SVG drawings: shapes with their strokes and fills become pixels, and nothing else of an SVG is looked at.

What may be drawn is copied, by lists of names, into a new document, and only that is drawn: a file brings no pictures,
no fonts, no scripts, no animations, and no address is ever asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from io import BytesIO
from xml.etree.ElementTree import Element, ParseError, tostring  # nosec B405  # to write, not to read

import resvg_py
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from PIL import Image

from mindreader.errors import PhotoRejectedError, Sentence

MOST_BYTES = 8 * 2**20
_SIDE = 512
"""Pixels of the square a drawing is fitted into: as many as a sketch has."""
_MOST_ELEMENTS = 20_000
_DEEPEST = 200
_MOST_STYLES = 2**16
_HEAD = 4096
_SVG = "http://www.w3.org/2000/svg"
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")

_SHAPES = frozenset({"path", "line", "polyline", "polygon", "rect", "circle", "ellipse"})
_KEPT = _SHAPES | {"svg", "g", "a", "defs", "symbol", "use", "clipPath", "linearGradient", "radialGradient", "stop"}
_OTHER_CONTENT = frozenset({"text", "image", "foreignObject"})
_STYLE_NAMES = frozenset(
    re.findall(
        r"\S+",
        """
        fill fill-rule fill-opacity stroke stroke-width stroke-linecap stroke-linejoin stroke-miterlimit
        stroke-dasharray stroke-dashoffset stroke-opacity color display visibility clip-path clip-rule stop-color
        stop-opacity paint-order vector-effect
        """,
    )
)
_NAMES = _STYLE_NAMES | frozenset(
    re.findall(
        r"\S+",
        """
        id class d points x y x1 y1 x2 y2 cx cy r rx ry fx fy width height viewBox preserveAspectRatio transform offset
        gradientUnits gradientTransform spreadMethod clipPathUnits
        """,
    )
)
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LENGTH = re.compile(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([a-z]*)\s*")
_DROPPED_STYLES = re.compile(r"(?:^|(?<=[;{\s]))(?:filter|mask|opacity|mix-blend-mode|isolation)\s*:[^;}]*")

DAMAGED = Sentence("This SVG is damaged. Open it in the program it was drawn with, and save it again, or as PNG.")
TOO_LARGE = Sentence("This SVG holds more than a sketch does. Simplify it, or send it as PNG.")
ENTITIES = Sentence("This SVG defines entities, which are not read. Save it as plain SVG, or as PNG.")
NO_STROKES = Sentence(
    "This SVG holds only text or pictures, no strokes. Turn them into paths, or send the drawing as PNG or JPEG."
)
EMPTY = Sentence("This SVG holds no strokes. Draw something, and save it again.")


def is_svg(data: bytes) -> bool:
    """Whether these are the bytes of an SVG document, whatever the file is called."""
    head = data[:_HEAD].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head.startswith(b"<") and re.search(rb"<(\w+:)?svg[\s>]", head) is not None and b"<html" not in head.lower()


def draw_svg(data: bytes) -> Image.Image:
    """The shapes of an SVG, mode ``RGBA``, on transparency, in a square.

    Raises:
        PhotoRejectedError: nothing of it can be drawn; the sentence says why and what to do.
    """
    if len(data) > MOST_BYTES:
        raise PhotoRejectedError(TOO_LARGE)
    root = _parsed(data)
    kinds = {_kind(element) for element in root.iter()}
    nothing = NO_STROKES if kinds & _OTHER_CONTENT else EMPTY
    if not kinds & _SHAPES:
        raise PhotoRejectedError(nothing)
    image = _rendered(_plain(root))
    if image.getchannel("A").getbbox() is None:
        raise PhotoRejectedError(nothing)
    return image


def _parsed(data: bytes) -> Element:
    """The document as a tree of bounded size.

    Raises:
        PhotoRejectedError: it is none, it is too large, or it defines entities.
    """
    root, depth = None, 0
    try:
        for count, (event, element) in enumerate(iterparse(BytesIO(data), events=("start", "end"))):
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            if count > 2 * _MOST_ELEMENTS or depth > _DEEPEST:
                raise PhotoRejectedError(TOO_LARGE)
    except DefusedXmlException:
        raise PhotoRejectedError(ENTITIES) from None
    except (ParseError, ValueError, LookupError):
        raise PhotoRejectedError(DAMAGED) from None
    if not isinstance(root, Element) or _kind(root) != "svg":
        raise PhotoRejectedError(DAMAGED)
    return root


def _kind(element: Element) -> str:
    """Its name without the namespace; nothing for those of other vocabularies, comments and the like."""
    if not isinstance(element.tag, str):
        return ""
    namespace, _, name = element.tag.rpartition("}")
    return name if namespace in ("{" + _SVG, "") else ""


def _plain(root: Element) -> Element:
    """A copy that holds what is drawn and nothing else, as large as a sketch.

    Raises:
        PhotoRejectedError: it draws more than a sketch does, by elements used again and again.
    """
    erasers = {mask.get("id", ""): strokes for mask in root.iter() if (strokes := _eraser_strokes(mask))}
    plain = _copy(root, erasers)
    _check_uses(plain)
    if (box := _view_box(root)) is not None:
        plain.set("viewBox", box)
        plain.attrib |= {"width": str(_SIDE), "height": str(_SIDE), "preserveAspectRatio": "xMidYMid meet"}
    return plain


def _copy(element: Element, erasers: dict[str, list[Element]]) -> Element:
    made = Element(f"{{{_SVG}}}{_kind(element)}", dict(_attributes(element)))
    for child in element:
        kind = _kind(child)
        if kind in _KEPT:
            made.append(_copy(child, erasers))
        elif kind == "style":
            made.append(_style_sheet(child))
    made.extend(erasers.get(_reference(element.get("mask", "")), []))
    return made


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if name in _NAMES:
            yield name, value
        elif name == "style":
            yield name, ";".join(_plain_styles(value))
        elif name in _HREFS and value.startswith("#"):
            yield "href", value
    if _is_hidden(element):
        yield "display", "none"


def _plain_styles(style: str) -> Iterator[str]:
    for declaration in style.split(";"):
        if declaration.partition(":")[0].strip() in _STYLE_NAMES:
            yield declaration


def _is_hidden(element: Element) -> bool:
    """Opacity is not drawn, for a faint stroke is one too; but what nobody sees is none."""
    styles = dict(part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part)
    opacity = styles.get("opacity", element.get("opacity", "1"))
    try:
        return float(opacity) == 0
    except ValueError:
        return False


def _style_sheet(element: Element) -> Element:
    text = element.text or ""
    if len(text) > _MOST_STYLES:  # fonts, mostly
        text = re.sub(r"@font-face\s*{[^}]*}", "", text)[:_MOST_STYLES]
    made = Element(f"{{{_SVG}}}style")
    made.text = _DROPPED_STYLES.sub("", text)
    return made


def _eraser_strokes(mask: Element) -> list[Element]:
    """What a mask takes away, in white, if it is one as this program's own eraser leaves: black strokes on white."""
    ground, *strokes = list(mask) or [mask]
    if _kind(mask) != "mask" or _kind(ground) != "rect" or any(_kind(each) != "path" for each in strokes):
        return []
    return [Element(f"{{{_SVG}}}path", dict(_attributes(each)) | {"stroke": "#fff"}) for each in strokes]


def _reference(value: str) -> str:
    """The id that `url(#id)` names."""
    return value.strip().removeprefix("url(#").removesuffix(")")


def _check_uses(root: Element) -> None:
    """Raises:
    PhotoRejectedError: elements that use others that use others would multiply, or use themselves.
    """
    known = {id_: element for element in root.iter() if (id_ := element.get("id"))}
    counts: dict[Element, float] = {}

    def count(element: Element) -> float:
        if element not in counts:
            counts[element] = math.inf  # while it is being counted: who meets it again goes in a circle
            used = known.get(element.get("href", "")[1:]) if _kind(element) == "use" else None
            counts[element] = 1 + sum(map(count, element)) + (count(used) if used is not None else 0)
        return counts[element]

    try:
        too_many = count(root) > _MOST_ELEMENTS
    except RecursionError:
        too_many = True
    if too_many:
        raise PhotoRejectedError(TOO_LARGE)


def _view_box(root: Element) -> str | None:
    """What is to be seen of it: its own box, else its size; None if it says neither."""
    numbers = [
        float(each) for each in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", root.get("viewBox", ""))
    ]
    if len(numbers) == 4 and min(numbers[2:]) > 0:
        return " ".join(f"{each:g}" for each in numbers)
    width, height = (_pixels(root.get(name, "")) for name in ("width", "height"))
    return f"0 0 {width:g} {height:g}" if width and height else None


def _pixels(length: str) -> float | None:
    found = _LENGTH.fullmatch(length)
    if found is None or found[2] not in _UNITS:
        return None
    try:
        return float(found[1]) * _UNITS[found[2]]
    except ValueError:
        return None


def _rendered(plain: Element) -> Image.Image:
    text = tostring(plain, encoding="unicode")
    try:
        png = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, width=_SIDE, height=_SIDE)
    except ValueError:
        raise PhotoRejectedError(DAMAGED) from None
    with Image.open(BytesIO(png), formats=["PNG"]) as image:
        return image.convert("RGBA")
