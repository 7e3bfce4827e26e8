// The arithmetic of the viewer: how large a photo lies in its room, and what zooming and panning make of it.

import assert from "node:assert/strict";
import { test } from "node:test";

const STATIC = "../../webui/mindreader_webui/static";
const { Zoom } = await import(`${STATIC}/viewer/zoom.js`);

const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

function zoomed(photo, room) {
  const zoom = new Zoom();
  zoom.photo = { width: photo[0], height: photo[1] };
  zoom.room = { width: room[0], height: room[1] };
  return zoom;
}

test("a photo fits whatever the shapes, keeps its own, and is never enlarged", () => {
  for (const [photo, room, fit] of [
    [
      [4000, 3000],
      [1000, 1000],
      [1000, 750],
    ],
    [
      [3000, 4000],
      [1000, 1000],
      [750, 1000],
    ],
    [
      [9000, 1000],
      [900, 800],
      [900, 100],
    ],
    [
      [200, 120],
      [1000, 1000],
      [200, 120],
    ],
  ]) {
    const zoom = zoomed(photo, room);
    near(zoom.fit.width, fit[0]);
    near(zoom.fit.height, fit[1]);
  }
});

test("what lies under a point stays under it", () => {
  const zoom = zoomed([4000, 4000], [1000, 1000]);
  const at = { x: 200, y: -150 };
  const under = () => [(at.x - zoom.x) / zoom.scale, (at.y - zoom.y) / zoom.scale];
  const before = under();
  for (const factor of [1.5, 2, 0.7]) {
    zoom.by(factor, at);
    under().forEach((value, n) => near(value, before[n]));
  }
});

test("it is never smaller than all of it, nor closer than two pixels for each of its own, or four times", () => {
  const large = zoomed([8000, 6000], [800, 600]);
  large.by(1e9);
  near(large.scale, 20);
  large.by(1e-9);
  near(large.scale, 1);
  const small = zoomed([200, 100], [1000, 1000]);
  small.by(1e9);
  near(small.scale, 4);
});

test("no edge comes further into the room than it must", () => {
  const zoom = zoomed([4000, 2000], [1000, 1000]); // 1000 by 500 when all of it is seen
  zoom.by(1.5);
  zoom.pan(1e6, 1e6);
  near(zoom.x, 250);
  near(zoom.y, 0); // 750 high in a room of 1000: it stays in the middle
  zoom.by(2);
  zoom.pan(-1e6, -1e6);
  near(zoom.x, -1000);
  near(zoom.y, -250);
  zoom.by(1 / 3);
  near(zoom.x, 0);
  near(zoom.y, 0);
});

test("a double tap comes closer, to its own pixels where that is between twice and four times, and back", () => {
  for (const [photo, scale] of [
    [[1000, 1000], 2],
    [[3000, 3000], 3],
    [[9000, 9000], 4],
  ]) {
    const zoom = zoomed(photo, [1000, 1000]);
    zoom.toggle({ x: 0, y: 0 });
    near(zoom.scale, scale);
    assert.ok(zoom.isIn);
    zoom.toggle({ x: 300, y: 0 });
    assert.ok(!zoom.isIn);
    near(zoom.x, 0);
  }
});

test("a room that shrinks leaves nothing outside", () => {
  const zoom = zoomed([4000, 4000], [1000, 1000]);
  zoom.by(2);
  zoom.pan(500, 0);
  near(zoom.x, 500);
  zoom.room = { width: 500, height: 500 };
  zoom.settle();
  near(zoom.x, 250);
});

test("where the photo is shown follows from room, scale and place", () => {
  const zoom = zoomed([4000, 2000], [1000, 1000]);
  assert.deepEqual(zoom.shown, { x: 0, y: 250, width: 1000, height: 500 });
  zoom.by(3);
  zoom.pan(100, -20);
  assert.deepEqual(zoom.shown, { x: -900, y: -270, width: 3000, height: 1500 });
});
