// Where photos stand in a long list: sections of days, lines of a grid.

import assert from "node:assert/strict";
import { test } from "node:test";

import { GridLayout } from "../../webui/mindreader_webui/static/components/grid_layout.js";
import { dayAt, placed, sectionsOf, without } from "../../webui/mindreader_webui/static/components/sections.js";

const counts = (...days) => days.map(([day, photos]) => ({ day, photos }));

test("months with few photos a day are one section, others one for each day", () => {
  const days = placed(
    counts(["2024-07-09", 20], ["2024-07-08", 10], ["2024-06-30", 1], ["2024-06-01", 2], ["2023-06-01", 9]),
  );
  assert.deepEqual(
    sectionsOf(days).map(({ kind, day, start, count, inMonth }) => [kind, day, start, count, inMonth]),
    [
      ["both", "2024-07-09", 0, 20, 30],
      ["day", "2024-07-08", 20, 10, 0],
      ["month", "2024-06-30", 30, 3, 3],
      ["month", "2023-06-01", 33, 9, 9],
    ],
  );
});

test("an order without days is one section without a heading", () => {
  assert.deepEqual(sectionsOf(placed(counts([null, 7]))), [
    { kind: "none", day: null, start: 0, count: 7, inMonth: 7 },
  ]);
  assert.deepEqual(sectionsOf([]), []);
});

test("photos are taken out of their days, and empty days go", () => {
  const days = placed(counts(["2024-07-09", 2], ["2024-07-08", 1], ["2024-07-07", 3]));
  assert.equal(dayAt(days, 2), 1);
  assert.equal(dayAt(days, 5), 2);
  assert.deepEqual(without(days, [0, 2, 5]), placed(counts(["2024-07-09", 1], ["2024-07-07", 2])));
});

test("lines are found by their height, and heights by photos", () => {
  const layout = new GridLayout(
    [
      { start: 0, count: 5, heading: 40 },
      { start: 5, count: 3, heading: 40 },
    ],
    3,
    100,
  );
  assert.equal(layout.height, 40 + 200 + 40 + 100);
  assert.deepEqual(layout.lineAt(-500), { section: 0, isHeading: true, from: 0, to: 0, top: 0, bottom: 40 });
  assert.deepEqual(layout.lineAt(150), { section: 0, isHeading: false, from: 3, to: 5, top: 140, bottom: 240 });
  assert.deepEqual(layout.lineAt(240), { section: 1, isHeading: true, from: 5, to: 5, top: 240, bottom: 280 });
  assert.deepEqual(layout.lineAt(9999), { section: 1, isHeading: false, from: 5, to: 8, top: 280, bottom: 380 });
  assert.deepEqual(
    [0, 3, 4, 5, 7].map((index) => layout.topOf(index)),
    [40, 140, 140, 280, 280],
  );
});

test("every line of ten thousand sections follows the one above", () => {
  const sections = Array.from({ length: 10_000 }, (_each, n) => ({ start: n * 7, count: 7, heading: n % 3 ? 30 : 0 }));
  const layout = new GridLayout(sections, 4, 90);
  let next = 0;
  for (let y = 0; y < layout.height;) {
    const line = layout.lineAt(y);
    assert.equal(line.top, y);
    if (!line.isHeading) {
      assert.equal(line.from, next);
      next = line.to;
    }
    y = line.bottom;
  }
  assert.equal(next, 70_000);
});
