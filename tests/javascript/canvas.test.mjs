// The geometry of a sketch, its history, and its ways out of the page and back.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "./support/browser.mjs";

const STATIC = "../../webui/mindreader_webui/static";
const { Sketch, paint } = await import(`${STATIC}/canvas/strokes.js`);
const { MOVES, fitted, shape } = await import(`${STATIC}/canvas/shapes.js`);
const { fromLink, toLink, toSvg } = await import(`${STATIC}/canvas/export.js`);
const { fromSvg } = await import(`${STATIC}/canvas/own_svg.js`);
const { straightLine } = await import(`${STATIC}/canvas/drawing_canvas.js`);

const pen = (...points) => ({ tool: "pen", width: 2, points });
const eraser = (...points) => ({ tool: "eraser", width: 6, points });
const near = (actual, expected) =>
  actual
    .flat()
    .forEach((value, i) => assert.ok(Math.abs(value - expected.flat()[i]) < 1e-9, `${actual} is not ${expected}`));
const box = (points) => {
  const [x, y] = [points.map((point) => point[0]), points.map((point) => point[1])];
  return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
};

beforeEach(() => localStorage.clear());

test("undo and redo walk through the history; a new stroke ends what could be redone", () => {
  const sketch = new Sketch();
  const [a, b, c] = [pen([0, 0]), pen([1, 1]), pen([0.5, 0.5])];
  sketch.add(a);
  sketch.add(b);
  sketch.undo();
  assert.deepEqual(sketch.strokes, [a]);
  sketch.redo();
  assert.deepEqual(sketch.strokes, [a, b]);
  sketch.undo();
  sketch.add(c);
  sketch.redo();
  assert.deepEqual(sketch.strokes, [a, c]);
  sketch.clear();
  assert.deepEqual(sketch.strokes, []);
  sketch.undo();
  assert.deepEqual(sketch.strokes, [a, c]);
});

test("the history keeps 500 steps", () => {
  const sketch = new Sketch();
  for (let i = 0; i < 510; i += 1) sketch.add(pen([i, i]));
  for (let i = 0; i < 600; i += 1) sketch.undo();
  assert.equal(sketch.strokes.length, 10);
});

test("a sketch outlives the page; what cannot be read is an empty one", () => {
  new Sketch().add(pen([0.1, 0.2, 0.7]));
  assert.deepEqual(new Sketch().strokes, [pen([0.1, 0.2, 0.7])]);
  localStorage.setItem("mindreader.sketch", "{nonsense");
  assert.deepEqual(new Sketch().strokes, []);
});

test("what the eraser drew alone is no sketch", () => {
  const sketch = new Sketch();
  sketch.add(eraser([0.5, 0.5]));
  assert.equal(sketch.empty, true);
  sketch.add(pen([0.5, 0.5]));
  assert.equal(sketch.empty, false);
});

test("paint: a dot, a curve through the middles, a line as wide as it was pressed, an eraser that takes away", () => {
  const calls = [];
  const context = new Proxy(
    {},
    { get: (set, name) => set[name] ?? ((...values) => calls.push([name, ...values])), set: Reflect.set },
  );
  const drawn = (strokes) => {
    calls.length = 0;
    paint(context, strokes, 100);
    return calls.map(([name, ...values]) => [name, ...values.map((value) => Math.round(value * 100) / 100)]);
  };
  assert.deepEqual(drawn([pen([0.5, 0.25])]), [["beginPath"], ["arc", 50, 25, 1, 0, 6.28], ["fill"]]);
  assert.deepEqual(drawn([pen([0, 0], [0.2, 0.4], [0.6, 0.4])]), [
    ["beginPath"],
    ["moveTo", 0, 0],
    ["quadraticCurveTo", 20, 40, 40, 40],
    ["lineTo", 60, 40],
    ["stroke"],
  ]);
  drawn([pen([0, 0, 0.5], [1, 1, 1])]);
  assert.equal(context.lineWidth, 3.2, "2 hundredths of 100, times 0.4 + 1.2");

  const modes = [];
  const recorder = { beginPath() {}, arc() {}, fill: () => modes.push(recorder.globalCompositeOperation) };
  paint(recorder, [pen([0, 0]), eraser([0, 0])], 100);
  assert.deepEqual(modes, ["source-over", "destination-out"]);
  assert.equal(recorder.globalCompositeOperation, "source-over");
});

test("shapes lie in the middle of the sheet, closed ones end where they begin", () => {
  near(box(shape("circle", 2).points), [0.25, 0.25, 0.75, 0.75]);
  near(box(shape("oval", 2).points), [0.18, 0.32, 0.82, 0.68]);
  near(box(shape("square", 2).points), [0.28, 0.28, 0.72, 0.72]);
  near(box(shape("triangle", 2).points), [0.25, 0.25, 0.75, 0.7]);
  near(box(shape("line", 2).points), [0.2, 0.5, 0.8, 0.5]);
  near(box(shape("zigzag", 2).points), [0.2, 0.44, 0.8, 0.56]);
  for (const name of ["circle", "oval", "square", "triangle"]) {
    const { points } = shape(name, 2);
    near(points[0], points.at(-1));
  }
  assert.equal(shape("line", 3.4).width, 3.4);
});

test("corners of shapes stay sharp: close to each there is a point on both sides", () => {
  const { points } = shape("square", 2);
  const corner = points.findIndex(([x, y]) => Math.abs(x - 0.72) < 1e-9 && Math.abs(y - 0.28) < 1e-9);
  near(points[corner - 1], [0.72 - 0.02 * 0.44, 0.28]);
  near(points[corner + 1], [0.72, 0.28 + 0.02 * 0.44]);
});

test("keys move the stroke by a fiftieth and size it around its middle; pressure stays", () => {
  const stroke = pen([0.4, 0.4, 0.3], [0.6, 0.8, 0.9]);
  near(MOVES.ArrowLeft(stroke).points, [
    [0.38, 0.4, 0.3],
    [0.58, 0.8, 0.9],
  ]);
  near(MOVES.ArrowDown(stroke).points, [
    [0.4, 0.42, 0.3],
    [0.6, 0.82, 0.9],
  ]);
  near(MOVES["+"](stroke).points, [
    [0.392, 0.384, 0.3],
    [0.608, 0.816, 0.9],
  ]);
  near(MOVES["-"](MOVES["+"](stroke)).points, stroke.points);
});

test("fitted: what the pen drew fills the sheet but for a margin, its shape unchanged", () => {
  const [stroke] = fitted([pen([0.1, 0.1], [0.3, 0.2, 0.5])]);
  near(stroke.points, [
    [0.08, 0.29],
    [0.92, 0.71, 0.5],
  ]);
  assert.equal(stroke.width, 2, "the pen keeps its width");
});

test("fitted: the eraser grows with what it took away, and does not count for the size", () => {
  const [, erased] = fitted([pen([0.4, 0.4], [0.6, 0.6]), eraser([0, 0], [0.5, 0.5])]);
  near(erased.points, [
    [-1.6, -1.6],
    [0.5, 0.5],
  ]);
  near([erased.width], [6 * 4.2]);
});

test("fitted: a dot goes to the middle and keeps its size", () => {
  assert.deepEqual(fitted([pen([0.2, 0.9])]), [pen([0.5, 0.5])]);
});

test("a straight line snaps to level and upright if it nearly is so", () => {
  assert.deepEqual(straightLine([0.1, 0.5], [0.9, 0.55]), [
    [0.1, 0.5],
    [0.9, 0.5],
  ]);
  assert.deepEqual(straightLine([0.5, 0.1], [0.45, 0.9]), [
    [0.5, 0.1],
    [0.5, 0.9],
  ]);
  assert.deepEqual(straightLine([0.1, 0.1], [0.9, 0.5]), [
    [0.1, 0.1],
    [0.9, 0.5],
  ]);
});

test("a link brings back the sketch to a thousandth of the sheet", async () => {
  const strokes = [pen([0.12345, 0.5], [0.9, 0.1, 0.75]), eraser([0.2, 0.3])];
  const link = new URL(await toLink(strokes));
  assert.equal(link.origin, "https://photos.example");
  assert.match(link.hash, /^#sketch=[\w-]+$/);
  assert.deepEqual(await fromLink(link.hash), [pen([0.123, 0.5], [0.9, 0.1, 0.75]), eraser([0.2, 0.3])]);
});

test("a link says that the place of the drawing counts, and only then", async () => {
  const placed = new URL(await toLink([pen([0.1, 0.5])], true));
  assert.equal(placed.search, "?place=true");
  assert.deepEqual(await fromLink(placed.hash), [pen([0.1, 0.5])]);
  assert.equal(new URL(await toLink([pen([0.1, 0.5])], false)).search, "");
});

test("a sketch too long for an address has no link", async () => {
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const scribble = pen(...Array.from({ length: 20000 }, () => [random(), random()]));
  assert.equal(await toLink([scribble]), null);
});

const linkTo = async (rows) => {
  const stream = new Blob([JSON.stringify(rows)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return `#sketch=${Buffer.from(await new Response(stream).arrayBuffer()).toString("base64url")}`;
};

test("an address that holds no sketch, or a wrong one, opens nothing", async () => {
  assert.equal(await fromLink(""), null);
  assert.equal(await fromLink("#other=1"), null);
  assert.equal(await fromLink("#sketch=nonsense!"), null);
  assert.equal(await fromLink(`#sketch=${"a".repeat(20001)}`), null);
  assert.deepEqual(await fromLink(await linkTo([[0, 2, [[100, 200]]]])), [pen([0.1, 0.2])]);
  for (const row of [
    [0, 0, [[1, 2]]],
    [0, 51, [[1, 2]]],
    [0, 2, []],
    [0, 2, [[1]]],
    [0, 2, [["x", 2]]],
    [0, 2, 7],
    3,
  ]) {
    assert.equal(await fromLink(await linkTo([row])), null, JSON.stringify(row));
  }
});

const asFile = (text) => new Blob([text], { type: "image/svg+xml" });

test("an SVG of our own gives its strokes back, pressure and what was erased in its place", async () => {
  const strokes = [
    eraser([0.9, 0.9]),
    pen([0.1235, 0.1614], [0.3, 0.4]),
    eraser([0.5, 0.5], [0.52, 0.58]),
    pen([0.6, 0.6, 0.35], [0.7, 0.61, 0.4]),
    eraser([0.61, 0.6]),
    { tool: "pen", width: 0.6, points: [[0.29, 0.57]] },
  ];
  assert.deepEqual(await fromSvg(asFile(toSvg(strokes))), strokes);
  assert.deepEqual(await fromSvg(asFile(`${toSvg(strokes)}\n`)), strokes);
});

test("an SVG that another program made or changed is a picture, as is what is none", async () => {
  const own = toSvg([pen([0.1, 0.2], [0.3, 0.4]), eraser([0.5, 0.5])]);
  const changed = [
    own.replace("#000", "#f00"),
    own.replace("</svg>", '<circle r="9"/></svg>'),
    own.replace('stroke-width="2"', 'stroke-width="99"'),
    own.replace("M10.00", "M1e400"),
    own.replaceAll("m1", "m7"),
    '<svg xmlns="http://www.w3.org/2000/svg"><path d="M1 1L2 2"/></svg>',
    toSvg([]),
    "",
    "\u0000PNG",
  ];
  for (const text of changed) assert.equal(await fromSvg(asFile(text)), null, text);
  assert.equal(await fromSvg({ size: 4_000_001, text: () => assert.fail("it is not read") }), null);
});

test("an SVG draws the pen in black and cuts out what the eraser took before it", () => {
  const svg = toSvg([pen([0.1, 0.2], [0.3, 0.4]), eraser([0.5, 0.5]), pen([0.6, 0.6])]);
  const first = '<path d="M10.00 20.00L30.00 40.00" stroke="#000" stroke-width="2"/>';
  const white = '<rect width="100" height="100" fill="#fff"/>';
  const mask = `<mask id="m1">${white}<path d="M50.00 50.00h0" stroke="#000" stroke-width="6"/></mask>`;
  const last = '<path d="M60.00 60.00h0" stroke="#000" stroke-width="2"/>';
  assert.ok(svg.includes(`${white}${mask}<g mask="url(#m1)">${first}</g>${last}</svg>`), svg);
  assert.ok(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" fill="none"'));
});

const { filling, moved, sized, turned } = await import(`${STATIC}/canvas/fitting.js`);
const { isConvex } = await import(`${STATIC}/components/sheet_corners.js`);
const UNTOUCHED = { x: 0, y: 0, scale: 1, turns: 0 };

test("a drawing is moved with its middle on the sheet, sized within bounds, and turned around the sheet's middle", () => {
  assert.deepEqual(moved(UNTOUCHED, 0.2, -0.9), { ...UNTOUCHED, x: 0.2, y: -0.5 });
  assert.equal(sized(UNTOUCHED, 100).scale, 8);
  assert.equal(sized(UNTOUCHED, 0.01).scale, 0.2);
  let view = { ...UNTOUCHED, x: 0.1, y: 0.3 };
  assert.deepEqual(turned(view), { ...UNTOUCHED, x: -0.3, y: 0.1, turns: 1 });
  for (let i = 0; i < 4; i += 1) view = turned(view);
  assert.deepEqual(view, { ...UNTOUCHED, x: 0.1, y: 0.3 });
});

test("filling: what is drawn fills the sheet but for a margin, and lies in its middle", () => {
  const view = filling(UNTOUCHED, { left: 0.5, top: 0.25, right: 1, bottom: 0.5 });
  near([view.scale, view.x, view.y], [1.68, -0.42, 0.21]);
  assert.equal(filling(UNTOUCHED, { left: 0.5, top: 0.5, right: 0.51, bottom: 0.5 }).scale, 8);
});

test("corners that would fold the sheet or turn it over are none", () => {
  const square = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ];
  assert.equal(isConvex(square), true);
  assert.equal(isConvex(square.toReversed()), false);
  assert.equal(isConvex([[0.9, 0.9], ...square.slice(1)]), false);
  assert.equal(isConvex([[0, 1], ...square.slice(1)]), false);
});
