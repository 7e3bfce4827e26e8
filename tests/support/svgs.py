"""SVG drawings as programs export them."""

from __future__ import annotations

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
_WHITE = '<rect width="100" height="100" fill="#fff"/>'


def own(erasers: int = 1) -> bytes:
    """As this program's page exports it (`canvas/export.js`): a line, of which the eraser took away a piece."""
    drawn = '<path d="M10.00 50.00L90.00 50.00" stroke="#000" stroke-width="4"/>'
    for i in range(erasers):
        eraser = f'<path d="M{30 + i % 10} 30.00L{30 + i % 10} 70.00" stroke="#000" stroke-width="20"/>'
        drawn = f'<mask id="m{i}">{_WHITE}{eraser}</mask><g mask="url(#m{i})">{drawn}</g>'
    style = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
    return f'<svg {NAMESPACE} viewBox="0 0 100 100" {style}>{_WHITE}{drawn}</svg>'.encode()


INKSCAPE = f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- Created with Inkscape (http://www.inkscape.org/) -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg width="210mm" height="210mm" viewBox="0 0 210 210" version="1.1" {NAMESPACE}
   xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd"
   xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape">
  <sodipodi:namedview id="view" pagecolor="#ffffff" inkscape:zoom="0.7"/>
  <g inkscape:label="Layer 1" inkscape:groupmode="layer" transform="matrix(1,0,0,1,5,0)">
    <path style="fill:none;stroke:#000000;stroke-width:4;filter:url(#none)" d="m 20,100 c 20,0 40,0 60,0 h 100"/>
  </g>
</svg>""".encode()
EXCALIDRAW = f"""<svg version="1.1" {NAMESPACE} viewBox="0 0 200 200" width="400" height="400" filter="invert(93%)">
<defs><style class="style-fonts">
@font-face {{ font-family: "V"; src: url("https://example.org/v.woff2"); }}</style></defs>
<rect x="0" y="0" width="200" height="200" fill="#ffffff"></rect>
<g stroke-linecap="round" transform="translate(20 100) rotate(0 80 0)">
<path d="M0 0 C50 0, 100 0, 160 0" stroke="#1e1e1e" stroke-width="4" fill="none"></path></g>
<mask></mask></svg>""".encode()
TLDRAW = f"""<svg {NAMESPACE} direction="ltr" width="200" height="200" viewBox="0 0 200 200" stroke-linecap="round"
 style="background-color: transparent"><g transform="matrix(1, 0, 0, 1, 20, 98)" opacity="1">
<path d="M0 0 L160 0 L160 4 L0 4 Z" fill="#f2f2f2" stroke-width="0"></path></g></svg>""".encode()
SHAPES = f"""<svg {NAMESPACE} viewBox="0 0 200 200"><style>.a {{ fill: none; stroke: #000; stroke-width: 4 }}</style>
<g class="a"><line x1="20" y1="20" x2="60" y2="20"/><polyline points="80,20 100,40 120,20"/>
<polygon points="140,20 180,20 160,60"/><rect x="20" y="80" width="40" height="40" rx="5"/>
<circle cx="100" cy="100" r="20"/><ellipse cx="160" cy="100" rx="20" ry="12"/>
<path d="M20 160 q10 -20 20 0 t20 0 M80 160 a20 10 0 0 1 40 0 M140 160 s10 -30 20 0 V180 z"/></g></svg>""".encode()
NOT_OF_STROKES = {
    "text": f'<svg {NAMESPACE} viewBox="0 0 9 9"><text x="1" y="5">cat</text></svg>'.encode(),
    "picture": f'<svg {NAMESPACE} viewBox="0 0 9 9"><image href="a.png" width="9" height="9"/></svg>'.encode(),
}


def multiplying(depth: int = 12) -> bytes:
    """A short file that draws 10 ** depth lines, by elements that use elements."""
    groups = "".join(f'<g id="g{i}">' + f'<use href="#g{i - 1}"/>' * 10 + "</g>" for i in range(1, depth))
    return f'<svg {NAMESPACE} viewBox="0 0 9 9"><g id="g0"><path d="M1 1h7" stroke="#000"/></g>{groups}</svg>'.encode()
