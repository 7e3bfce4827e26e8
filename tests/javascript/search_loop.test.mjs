// When a sketch is searched with: the newest form only, and nothing shown under a stroke that is half drawn.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const { SearchLoop } = await import("../../webui/mindreader_webui/static/components/search_loop.js");

const FIRST = { limit: 40, live: true };
const FINAL = { limit: 40, live: false };

let loop, asked, shown, errors, busy, drawn, drawing;

beforeEach(() => {
  [asked, shown, errors, busy] = [[], [], [], []];
  [drawn, drawing] = [true, false];
  loop = new SearchLoop({
    ready: () => drawn,
    drawing: () => drawing,
    ask: (request) => new Promise((resolve, reject) => asked.push({ request, resolve, reject })),
    show: (answer) => shown.push(answer),
    onerror: (error) => errors.push(error.message),
    onbusy: (is) => busy.push(is),
  });
});

const settled = () => new Promise((resolve) => setTimeout(resolve));
async function answer(number, value) {
  asked[number].resolve(value);
  await settled();
}

test("one search at a time; what changes meanwhile is asked once, in its newest form, and the old answer is not shown", async () => {
  loop.now(FIRST);
  loop.now(FIRST);
  loop.now(FINAL);
  assert.equal(asked.length, 1);
  await answer(0, "old");
  assert.deepEqual([shown, asked.length, asked[1].request], [[], 2, FINAL]);
  await answer(1, "new");
  assert.deepEqual([shown, busy], [["new"], [true, false]]);
});

test("the first search of a sketch is asked at once, further ones when the hand rests", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  loop.soon(FIRST, true);
  assert.equal(asked.length, 1);
  loop.soon(FIRST, false);
  context.mock.timers.tick(200);
  loop.soon(FIRST, false);
  context.mock.timers.tick(200);
  assert.equal(loop.next, null);
  context.mock.timers.tick(100);
  assert.equal(loop.next, FIRST);
});

test("an answer that comes before the hand rests is not shown, since another one follows", async () => {
  loop.now(FIRST);
  loop.soon(FIRST, false);
  await answer(0, "of a stroke before");
  assert.deepEqual(shown, []);
});

test("an answer that comes under a half-drawn stroke waits for its end, and is shown if nothing came of it", async () => {
  drawing = true;
  loop.now(FIRST);
  await answer(0, "held");
  assert.deepEqual(shown, []);
  loop.release();
  loop.release();
  assert.deepEqual(shown, ["held"]);
});

test("a finished stroke supersedes the answer that was held back", async () => {
  drawing = true;
  loop.now(FIRST);
  await answer(0, "held");
  drawing = false;
  loop.soon(FIRST, true);
  loop.release();
  assert.deepEqual(shown, []);
  await answer(1, "new");
  assert.deepEqual(shown, ["new"]);
});

test("once nothing is drawn, what is on its way is not shown, and nothing is asked", async () => {
  loop.now(FIRST);
  loop.stop();
  drawn = false;
  loop.now(FIRST);
  await answer(0, "late");
  assert.deepEqual([shown, asked.length], [[], 1]);
});

test("after an error the next search is asked as ever", async () => {
  loop.now(FIRST);
  asked[0].reject(new Error("away"));
  await settled();
  loop.now(FIRST);
  await answer(1, "back");
  assert.deepEqual([errors, shown], [["away"], ["back"]]);
});
