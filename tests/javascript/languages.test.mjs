// Numbers, dates and the order of names go by the page's language, whatever the browser's own is.

import "./support/browser.mjs";

import assert from "node:assert/strict";
import { test } from "node:test";

document.documentElement.lang = "de"; // and the browser prefers American English, then Austria's German
const format = await import("../../webui/mindreader_webui/static/lib/format.js");
const { locale, _ } = await import("../../webui/mindreader_webui/static/lib/i18n.js");

test("the visitor's region counts where the page's language is spoken", () => {
  assert.equal(locale, "de-AT");
});

test("numbers", () => {
  assert.equal(format.formatNumber(0.5678, 2), "0,57");
  assert.equal(format.formatNumber(3), "3");
  assert.equal(format.formatBytes(2_345_678_901), "2,3 GB");
  assert.equal(format.formatPercent(0.126), "13\u00a0%");
  assert.equal(_("{n} skipped", { n: 1.5 }), "1,5 skipped");
});

test("dates", () => {
  assert.equal(format.formatDate("2026-11-29T12:00:00"), "29.11.2026");
  assert.equal(format.formatDay(new Date("2026-03-02T00:00:00Z")), "2.3.2026");
  assert.equal(format.formatTaken("2026-11-29T00:00:00"), "29. November 2026");
  assert.match(format.formatDateTime("2026-11-29T12:34:56"), /^29\.11\.2026, 12:34:56$/);
});

test("names", () => {
  assert.deepEqual(["Zebra", "Äpfel", "apfel", "Birne"].sort(format.byName), ["apfel", "Äpfel", "Birne", "Zebra"]);
});
