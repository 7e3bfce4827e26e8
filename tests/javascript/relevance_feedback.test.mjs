// What relevance feedback tells a search: photos, and where something was found in one part of them that part.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./support/browser.mjs";

const STATIC = "../../webui/mindreader_webui/static";
const { RelevanceFeedback } = await import(`${STATIC}/components/relevance_feedback.js`);

const PART = { left: 0.1, top: 0, right: 1 / 3, bottom: 1 };

function sent(...given) {
  const feedback = new RelevanceFeedback({}, () => {});
  for (const [id, kind, boxes] of given) feedback.given.set(id, { kind, photo: { photo_id: id, boxes } });
  const form = new FormData();
  feedback.appendTo(form);
  return [...form];
}

test("a photo found as a whole is liked as a whole", () => {
  assert.deepEqual(sent([7, "like", []], [8, "unlike", []]), [
    ["like", "7"],
    ["unlike", "8"],
  ]);
  assert.deepEqual(sent([7, "like", undefined]), [["like", "7"]], "an answer may leave out that there are none");
});

test("of a photo found in one part, more like that part is meant, and less like all of it", () => {
  assert.deepEqual(sent([7, "like", [PART]]), [["frame", "7:0.1000,0.0000,0.3333,1.0000"]]);
  assert.deepEqual(sent([7, "unlike", [PART]]), [["unlike", "7"]]);
});

test("of a photo found in several parts, all of it is meant", () => {
  assert.deepEqual(sent([7, "like", [PART, PART]]), [["like", "7"]]);
});

test("a search takes the last five parts; before them whole photos are meant", () => {
  const given = Array.from({ length: 7 }, (_, i) => [i + 1, "like", [PART]]);
  assert.deepEqual(
    sent(...given).map(([name, value]) => [name, Number.parseInt(value, 10)]),
    [
      ["like", 1],
      ["like", 2],
      ["frame", 3],
      ["frame", 4],
      ["frame", 5],
      ["frame", 6],
      ["frame", 7],
    ],
  );
});
