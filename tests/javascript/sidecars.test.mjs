// Which files only go with photos, and which lies beside which: the same as the command line says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import "./support/browser.mjs";

const STATIC = "../../webui/mindreader_webui/static";
const { goesWithPhotos, kindOf, takeoutNames, xmpNames } = await import(`${STATIC}/upload/sidecars.js`);

const table = JSON.parse(readFileSync(new URL("../support/sidecars.json", import.meta.url), "utf8"));
const lower = (names) => names.map((name) => name.toLowerCase());

test("what only goes with photos", () => {
  for (const [name, kind] of Object.entries(table.companions)) {
    assert.ok(goesWithPhotos(name), name);
    assert.equal(kindOf(name), kind);
  }
  for (const name of table.photos) assert.ok(!goesWithPhotos(name), name);
});

test("what lies beside a photo", () => {
  for (const [photo, { xmp, takeout, others }] of Object.entries(table.beside)) {
    const known = { xmp: new Set(lower(xmpNames(photo))), takeout: new Set(lower(takeoutNames(photo))) };
    for (const name of lower(xmp)) assert.ok(known.xmp.has(name), name);
    for (const name of lower(takeout)) assert.ok(known.takeout.has(name), name);
    for (const name of lower(others)) assert.ok(!known.xmp.has(name) && !known.takeout.has(name), name);
  }
});
