// Numbers and names as a person reads them.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./support/browser.mjs";

const { formatCategory, formatDuration, formatNumber } =
  await import("../../webui/mindreader_webui/static/lib/format.js");

test("a category named after a folder has spaces, and what would be left empty stays", () => {
  assert.equal(formatCategory("car_(sedan)"), "car (sedan)");
  assert.equal(formatCategory("hot-air_balloon_"), "hot-air balloon");
  assert.equal(formatCategory("__"), "__");
});

test("a duration has the plural of its number", () => {
  const shown = [0.2, 1, 60, 91, 5400, 7200, 36_000].map(formatDuration);
  assert.deepEqual(shown, ["1 second", "1 second", "60 seconds", "2 minutes", "1.5 hours", "2 hours", "10 hours"]);
});

test("what is rounded to zero has no sign", () => {
  assert.deepEqual(
    [-0.001, 0.004, -0.25, 1234].map((value) => formatNumber(value, 2)),
    ["0.00", "0.00", "-0.25", "1,234.00"],
  );
});
