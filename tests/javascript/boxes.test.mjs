// Boxes: how an address says them, where they lie in words, on a tile that shows a part of the photo, and under a hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./support/browser.mjs";

const STATIC = "../../webui/mindreader_webui/static";
const { LEAST_SIDE, WHOLE, between, fromText, grown, heightOf, isWhole, moved, onTile, placeOf, toText, widthOf } =
  await import(`${STATIC}/components/boxes.js`);

const box = (left, top, right, bottom) => ({ left, top, right, bottom });
const near = (actual, expected) => {
  for (const [side, value] of Object.entries(expected)) {
    assert.ok(Math.abs(actual[side] - value) < 1e-9, `${side}: ${actual[side]} is not ${value}`);
  }
};

test("an address keeps a box to a ten thousandth", () => {
  assert.equal(toText(box(0.1, 0.25, 1 / 3, 1)), "0.1,0.25,0.3333,1");
  assert.deepEqual(fromText("0.1,0.25,0.3333,1"), box(0.1, 0.25, 0.3333, 1));
});

test("what is no box is none", () => {
  for (const text of [
    null,
    "",
    "0,0,1",
    "0,0,1,1,1",
    "0,0,,1",
    "a,0,1,1",
    "0.5,0,0.5,1",
    "0.6,0,0.5,1",
    "0,0.6,1,0.5",
    "-0.1,0,1,1",
    "0,0,1.1,1",
    "NaN,0,1,1",
  ]) {
    assert.equal(fromText(text), null, String(text));
  }
});

test("a place is said by the middle of the box, unless it takes a side", () => {
  for (const [place, where] of [
    ["upper left", box(0, 0, 0.6, 0.6)],
    ["upper right", box(0.4, 0, 1, 0.6)],
    ["lower left", box(0, 0.4, 0.6, 1)],
    ["lower right", box(0.9, 0.9, 1, 1)],
    ["middle", box(0.2, 0.2, 0.8, 0.8)],
    ["top", box(0.4, 0, 0.6, 0.3)],
    ["top", box(0, 0, 1, 0.4)],
    ["bottom", box(0, 0.7, 0.95, 1)],
    ["left", box(0, 0, 0.3, 1)],
    ["right", box(0.7, 0.4, 1, 0.6)],
    ["the whole photo", WHOLE],
  ]) {
    assert.equal(placeOf(where), place, JSON.stringify(where));
  }
});

test("on a tile the middle of the photo is seen as long as that shows all boxes", () => {
  const wide = { width: 2000, height: 1000 };
  const shown = onTile([box(0.4, 0.2, 0.6, 0.7)], wide);
  near(shown, { x: 0.5, y: 0.5 });
  near(shown.boxes[0], box(0.3, 0.2, 0.7, 0.7));
});

test("a tile moves over the photo no further than it must to show a box", () => {
  const left = onTile([box(0.1, 0, 0.3, 0.5)], { width: 2000, height: 1000 });
  near(left, { x: 0.2, y: 0.5 });
  near(left.boxes[0], box(0, 0, 0.4, 0.5));
  const low = onTile([box(0.2, 0.9, 0.8, 1)], { width: 500, height: 1500 });
  near(low, { x: 0.5, y: 1 });
  near(low.boxes[0], box(0.2, 0.7, 0.8, 1));
});

test("a box wider than the tile lies in its middle, and reaches beyond it", () => {
  const panorama = onTile([box(0.1, 0, 0.7, 1)], { width: 4000, height: 1000 });
  near(panorama.boxes[0], box(-0.7, 0, 1.7, 1));
  const edge = onTile([box(0, 0, 0.5, 1)], { width: 4000, height: 1000 });
  near(edge.boxes[0], box(-0.5, 0, 1.5, 1));
  const beyond = onTile([WHOLE], { width: 4000, height: 1000 });
  near(beyond, { x: 0.5, y: 0.5 });
});

test("of several boxes all are seen where they can be", () => {
  const { x, boxes } = onTile([box(0.55, 0, 0.7, 1), box(0.8, 0, 0.95, 1)], { width: 2000, height: 1000 });
  near({ x }, { x: 0.9 });
  assert.ok(boxes.every(({ left, right }) => left >= 0 && right <= 1 + 1e-9));
});

test("a square photo is not moved", () => {
  const { x, y, boxes } = onTile([box(0, 0, 0.5, 0.5)], { width: 640, height: 640 });
  near({ x, y }, { x: 0.5, y: 0.5 });
  near(boxes[0], box(0, 0, 0.5, 0.5));
});

test("a frame is drawn from any corner to any other", () => {
  for (const [from, to] of [
    [
      [0.2, 0.3],
      [0.6, 0.9],
    ],
    [
      [0.6, 0.9],
      [0.2, 0.3],
    ],
    [
      [0.6, 0.3],
      [0.2, 0.9],
    ],
  ]) {
    near(between({ x: from[0], y: from[1] }, { x: to[0], y: to[1] }), box(0.2, 0.3, 0.6, 0.9));
  }
});

test("a frame stays within the photo, and as large as a hand can take", () => {
  near(between({ x: 0.5, y: 0.5 }, { x: 7, y: -3 }), box(0.5, 0, 1, 0.5));
  near(between({ x: -1, y: -1 }, { x: 2, y: 2 }), WHOLE);
  for (const x of [0, 0.01, 0.5, 0.99, 1]) {
    for (const dx of [-0.02, 0, 0.02]) {
      const tiny = between({ x, y: 0.5 }, { x: x + dx, y: 0.5 });
      assert.ok(widthOf(tiny) >= LEAST_SIDE - 1e-9, `${x} ${dx}`);
      assert.ok(heightOf(tiny) >= LEAST_SIDE - 1e-9);
      assert.ok(tiny.left >= 0 && tiny.right <= 1, JSON.stringify(tiny));
    }
  }
});

test("a frame that is moved stays as large as it is", () => {
  near(moved(box(0.1, 0.1, 0.4, 0.3), 0.2, 0.1), box(0.3, 0.2, 0.6, 0.4));
  near(moved(box(0.1, 0.1, 0.4, 0.3), -1, 5), box(0, 0.8, 0.3, 1));
});

test("where the frame is the whole photo a key takes the middle", () => {
  near(moved(WHOLE, 0.02, 0), box(0.27, 0.25, 0.77, 0.75));
});

test("a frame grows to the edge, and shrinks no further than a hand can take", () => {
  near(grown(box(0.2, 0.2, 0.5, 0.5), 0.1, -0.1), box(0.2, 0.2, 0.6, 0.4));
  near(grown(box(0.2, 0.2, 0.5, 0.5), 3, -3), box(0.2, 0.2, 1, 0.2 + LEAST_SIDE));
  assert.ok(isWhole(grown(WHOLE, 1, 1)));
});
