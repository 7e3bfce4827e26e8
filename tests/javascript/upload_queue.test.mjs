// The promises of an upload: one outcome for each file, whatever happens on the way.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "./support/browser.mjs";
import { FakeServer } from "./support/server.mjs";

const STATIC = "../../webui/mindreader_webui/static";
const { Connection } = await import(`${STATIC}/upload/connection.js`);
const { UploadQueue } = await import(`${STATIC}/upload/queue.js`);

/** @type {FakeServer} */
let server;
/** A queue whose `finished` resolves with the outcomes once nothing is left to do. */
let upload;

beforeEach(() => {
  server = new FakeServer();
  upload = newUpload();
});

function newUpload() {
  const outcomes = [];
  const connectionLost = [];
  const ended = withResolvers();
  const connection = new Connection((isLost) => connectionLost.push(isLost));
  const queue = new UploadQueue(connection, {
    outcome: (outcome) => outcomes.push(outcome),
    idle: () => ended.resolve(outcomes),
    stopped: (error) => ended.reject(error),
  });
  const finished = ended.promise;
  finished.catch(() => {});
  return { queue, outcomes, finished, connectionLost };
}

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

const TARGET = Promise.resolve(1);
const items = (contents, more = {}) =>
  contents.map((content) => ({
    file: new File([content], `${content}.jpg`),
    path: `Photos/${content}.jpg`,
    category: "",
    target: TARGET,
    everywhere: false,
    ...more,
  }));
const numbered = (count) => Array.from({ length: count }, (_, i) => `photo ${i}`);
const statuses = (outcomes) => outcomes.map(({ status }) => status);
const until = async (condition) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

/** Retries wait no time at all. */
function withoutWaiting(t) {
  const real = globalThis.setTimeout;
  const waits = [];
  t.mock.method(globalThis, "setTimeout", (run, milliseconds) => {
    waits.push(milliseconds);
    return real(run, 0);
  });
  return waits;
}

test("every file has one outcome, with the page where it can be seen", async () => {
  upload.queue.add(items(numbered(20)));
  const outcomes = await upload.finished;
  assert.equal(outcomes.length, 20);
  assert.deepEqual(new Set(statuses(outcomes)), new Set(["created"]));
  assert.equal(new Set(outcomes.map(({ file }) => file)).size, 20);
  assert.match(outcomes[0].page, /^\/library\/1\?photo=\d+$/);
  assert.equal(
    server.batches.reduce((sum, size) => sum + size),
    20,
  );
  assert.ok(Math.max(...server.batches) <= 8);
  assert.equal(upload.queue.busy, false);
});

test("files the server has are not sent: they are known by their hash", async () => {
  for (const content of numbered(20)) server.keep(content, { collection: "Holidays" });
  upload.queue.add(items([...numbered(20), "new"]));
  const outcomes = await upload.finished;
  const duplicates = outcomes.filter(({ status }) => status === "duplicate");
  assert.equal(duplicates.length, 20);
  assert.equal(duplicates[0].where, "Holidays");
  assert.deepEqual(server.batches, [1]);
});

test("another collection's photo counts only if it is one's own and not wanted everywhere", async () => {
  server.keep("mine elsewhere", { collection_id: 2 });
  server.keep("somebody's", { collection_id: 3, mine: false });
  upload.queue.add(items(["mine elsewhere", "somebody's"]));
  assert.deepEqual(statuses(await upload.finished), ["duplicate", "created"]);

  const again = newUpload();
  server.keep("mine too", { collection_id: 2 });
  server.keep("here already");
  again.queue.add(items(["here already", "mine too"], { everywhere: true }));
  assert.deepEqual(statuses(await again.finished), ["duplicate", "created"]);
  assert.deepEqual(server.batches, [1, 1], "somebody's, and mine too");
});

test("a pause lets requests end and begins none; resuming sends the rest", async () => {
  const gate = withResolvers();
  server.gate = gate.promise;
  upload.queue.add(items(numbered(40)));
  await until(() => server.batches.length === 2);
  upload.queue.pause();
  gate.resolve();
  await until(() => upload.queue.running.send === 0);
  assert.equal(upload.outcomes.length, 16);
  assert.equal(server.batches.length, 2);
  assert.ok(upload.queue.busy);

  upload.queue.resume();
  assert.equal((await upload.finished).length, 40);
  assert.equal(server.photos.size, 40);
});

test("a lost connection is waited for, and said once", async (t) => {
  const waits = withoutWaiting(t);
  server.lost.before = 4;
  upload.queue.add(items(numbered(3)));
  assert.deepEqual(statuses(await upload.finished), ["created", "created", "created"]);
  assert.deepEqual(upload.connectionLost, [true, false]);
  const seconds = waits.map((milliseconds) => milliseconds / 1000);
  [1, 2, 4, 8].forEach((expected, i) => {
    assert.ok(
      seconds[i] >= 0.75 * expected && seconds[i] <= 1.25 * expected,
      `${seconds[i]} s is not about ${expected}`,
    );
  });
});

test("the network coming back ends the waiting", async () => {
  server.lost.before = 1;
  upload.queue.add(items(["a"]));
  await until(() => upload.connectionLost.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  const began = performance.now();
  dispatchEvent(new Event("online"));
  assert.deepEqual(statuses(await upload.finished), ["created"]);
  assert.ok(performance.now() - began < 500, "otherwise it is tried again after a second");
});

test("cancelling does not wait for a connection that is away", async () => {
  server.lost.before = Infinity;
  upload.queue.add(items(["a"]));
  await until(() => upload.connectionLost.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  const began = performance.now();
  upload.queue.cancel();
  assert.deepEqual(await upload.finished, []);
  assert.ok(performance.now() - began < 500, "otherwise it ends after a second");
});

test("a file whose answer was lost is sent again and counts as uploaded, not as there already", async (t) => {
  withoutWaiting(t);
  upload.queue.add(items(["a", "b"]));
  server.refuses = (path) => {
    if (path.endsWith("/photos") && server.batches.length === 0) server.lost.after = 1;
  };
  assert.deepEqual(statuses(await upload.finished), ["created", "created"]);
  assert.deepEqual(server.batches, [2, 2]);
  assert.equal(server.photos.size, 2);
});

test("servers that are overloaded are asked again", async (t) => {
  withoutWaiting(t);
  let left = 3;
  server.refuses = () => (left-- > 0 ? [429, 502, 503][left] : undefined);
  upload.queue.add(items(["a"]));
  assert.deepEqual(statuses(await upload.finished), ["created"]);
});

test("what the server refuses is rejected with its reason, and the rest goes on", async () => {
  server.refuses = (path, files) => (files.some(({ name }) => name === "photo 0.jpg") ? 422 : undefined);
  upload.queue.add(items(numbered(10)));
  const outcomes = await upload.finished;
  const rejected = outcomes.filter(({ status }) => status === "rejected");
  assert.equal(rejected.length, 8, "the batch it was in");
  assert.equal(rejected[0].reason, "refused with 422");
  assert.equal(outcomes.length, 10);
});

test("a batch that is too large is sent file by file", async () => {
  server.refuses = (path, files) => (files.length > 1 || files[0]?.name === "photo 1.jpg" ? 413 : undefined);
  upload.queue.add(items(numbered(3)));
  const outcomes = await upload.finished;
  assert.deepEqual(Object.fromEntries(outcomes.map(({ file, status }) => [file, status])), {
    "Photos/photo 0.jpg": "created",
    "Photos/photo 1.jpg": "rejected",
    "Photos/photo 2.jpg": "created",
  });
});

test("a request holds 16 MiB at most, or one file", async () => {
  const large = (name, mebibytes) => ({
    ...items([name])[0],
    file: new File([new Uint8Array(mebibytes * 2 ** 20)], name),
  });
  upload.queue.ready = [large("a", 9), large("b", 8), large("c", 8), large("d", 20), large("e", 1)];
  const names = () => upload.queue.nextBatch().map(({ file }) => file.name);
  assert.deepEqual([names(), names(), names(), names(), names()], [["a"], ["b", "c"], ["d"], ["e"], []]);
});

test("files over the limits of the server are named and never sent, whichever limit it is", async () => {
  const large = { ...items(["large"])[0], file: new File([new Uint8Array(20000)], "large.jpg") };
  for (const limits of [
    { file_max_bytes: 10000, request_max_bytes: 2 ** 30 },
    { file_max_bytes: 2 ** 30, request_max_bytes: 20000 },
  ]) {
    server = new FakeServer();
    upload = newUpload();
    upload.queue.limits = limits;
    upload.queue.add([large, ...items(["small"])]);
    const outcomes = await upload.finished;
    assert.deepEqual(
      outcomes.map(({ file, status }) => [file, status]),
      [
        ["Photos/large.jpg", "rejected"],
        ["Photos/small.jpg", "created"],
      ],
    );
    assert.match(outcomes[0].reason, /^This file is larger than 0\.0\d+ MB\. Send a smaller copy\.$/);
    assert.equal(server.photos.size, 1);
  }
});

test("names are sent without control characters, and without a folder of Windows", async () => {
  const names = [];
  server.refuses = (_path, files) => void names.push(...files.map(({ name }) => name));
  upload.queue.add(items(["new\nline", "tab\tname", "back\\slash"]));
  await upload.finished;
  assert.deepEqual(names, ["newline.jpg", "tabname.jpg", "slash.jpg"]);
});

test("nothing but files that are too large is an upload that ends", async () => {
  upload.queue.limits = { file_max_bytes: 1, request_max_bytes: 2 ** 30 };
  upload.queue.add(items(["large"]));
  assert.deepEqual(statuses(await upload.finished), ["rejected"]);
  assert.equal(server.requests, 0);
});

test("requests are no larger than the server takes", async () => {
  upload.queue.limits = { file_max_bytes: 2 ** 30, request_max_bytes: 130000 };
  const large = (name) => ({ ...items([name])[0], file: new File([name, new Uint8Array(30000)], name) });
  upload.queue.add(["a", "b", "c", "d", "e"].map(large));
  assert.deepEqual(statuses(await upload.finished), Array(5).fill("created"));
  assert.deepEqual(server.batches, [2, 2, 1]);
});

test("a file on which something hangs up each time is named, and the others are sent", async (t) => {
  withoutWaiting(t);
  server.hangsUp = (files) => files.some(({ name }) => name === "photo 2.jpg");
  upload.queue.add(items(numbered(5)));
  const outcomes = await upload.finished;
  assert.deepEqual(Object.fromEntries(outcomes.map(({ file, status }) => [file, status])), {
    "Photos/photo 0.jpg": "created",
    "Photos/photo 1.jpg": "created",
    "Photos/photo 2.jpg": "rejected",
    "Photos/photo 3.jpg": "created",
    "Photos/photo 4.jpg": "created",
  });
  assert.match(outcomes.find(({ status }) => status === "rejected").reason, /connection was closed/);
});

test("a server that is away is no reason to give files up, however often it is tried", async (t) => {
  withoutWaiting(t);
  let away = 30;
  server.hangsUp = () => server.requests > 1 && away-- > 0;
  upload.queue.add(items(["a"]));
  assert.deepEqual(statuses(await upload.finished), ["created"]);
});

test("a request holds files of one collection", async () => {
  const elsewhere = Promise.resolve(2);
  const mixed = [...items(["a", "b"]), ...items(["c"], { target: elsewhere })];
  upload.queue.ready = [...mixed];
  assert.equal(upload.queue.nextBatch().length, 2);
  assert.equal(upload.queue.nextBatch().length, 1);

  upload.queue.add(mixed);
  await upload.finished;
  assert.deepEqual(
    [...server.photos.values()].map((photo) => photo.collection_id),
    [1, 1, 2],
  );
});

test("a file in which nothing is, like a named pipe, is rejected without reading it, for that would never end", async () => {
  const [pipe] = items(["pipe"], { file: new File([], "pipe") });
  const never = () => new Promise(() => {});
  Object.assign(pipe.file, { arrayBuffer: never, slice: () => ({ arrayBuffer: never }) });
  upload.queue.add([pipe, ...items(["here"])]);
  const outcomes = await upload.finished;
  assert.deepEqual(outcomes[0], {
    file: "Photos/pipe.jpg",
    status: "rejected",
    reason: "This file is empty (0 bytes). Copy or export it again.",
  });
  assert.deepEqual(statuses(outcomes), ["rejected", "created"]);
});

test("a file that went away since it was chosen is rejected, not tried for ever", async () => {
  const [gone] = items(["gone"]);
  gone.file.slice = () => ({ arrayBuffer: () => Promise.reject(new Error("NotFoundError")) });
  upload.queue.add([gone, ...items(["here"])]);
  const outcomes = await upload.finished;
  assert.deepEqual(Object.fromEntries(outcomes.map(({ file, status }) => [file, status])), {
    "Photos/gone.jpg": "rejected",
    "Photos/here.jpg": "created",
  });
});

test("cancelling aborts what is on its way and forgets the rest; the queue can be used again", async () => {
  server.gate = new Promise(() => {});
  upload.queue.add(items(numbered(40)));
  await until(() => server.batches.length === 2 && upload.queue.running.lookUp === 0);
  assert.equal(upload.queue.cancel(), 24);
  assert.deepEqual(await upload.finished, []);
  assert.equal(upload.queue.busy, false);

  server.gate = Promise.resolve();
  upload.queue.add(items(["later"]));
  await until(() => upload.outcomes.length === 1);
  assert.equal(upload.outcomes[0].file, "Photos/later.jpg");
});

test("a collection that cannot be made stops the upload with its reason", async () => {
  const target = Promise.reject(new Error("Choose another name."));
  target.catch(() => {});
  upload.queue.add(items(["a", "b"], { target }));
  await assert.rejects(upload.finished, { message: "Choose another name." });
  assert.deepEqual(upload.outcomes, []);
  assert.equal(upload.queue.busy, false);
});

test("what is known of a file besides its bytes is sent with it", async () => {
  const lastModified = new Date(2019, 2, 21, 10, 11, 12).getTime();
  const beside = { xmp: new File(["x".repeat(40_000)], "a.xmp"), takeout: new File(["{}"], "a.jpg.json") };
  const target = TARGET;
  upload.queue.add([
    {
      file: new File(["a"], "a.jpg", { lastModified }),
      path: "Photos/2019/a.jpg",
      category: "dog",
      target,
      everywhere: false,
      ...beside,
    },
    {
      file: new File(["b"], "b.jpg", { lastModified: 8.64e15 }),
      path: "b.jpg",
      category: "",
      target,
      everywhere: false,
    },
  ]);
  await upload.finished;
  const sent = (field) => server.form.getAll(field);
  assert.deepEqual(sent("category"), ["dog", ""]);
  assert.deepEqual(sent("modified"), ["2019-03-21T10:11:12", ""]);
  assert.deepEqual(sent("xmp"), ["x".repeat(2 ** 15), ""]);
  assert.deepEqual(sent("takeout"), ["{}", ""]);
  assert.deepEqual(sent("folder"), ["Photos/2019", ""]);
});

test("a photo goes without what lies beside it where there is no room, or it cannot be read", async () => {
  const gone = new File(["{}"], "a.jpg.json");
  gone.slice = () => ({ text: () => Promise.reject(new Error("NotReadableError")) });
  upload.queue.add(items(["a"], { takeout: gone }));
  assert.deepEqual(statuses(await upload.finished), ["created"]);
  assert.deepEqual(server.form.getAll("takeout"), [""]);
  upload = newUpload();
  upload.queue.limits = { file_max_bytes: Infinity, request_max_bytes: 2 ** 15 };
  upload.queue.add(items(["b"], { xmp: new File(["<x/>"], "b.xmp") }));
  assert.deepEqual(statuses(await upload.finished), ["created"]);
  assert.deepEqual(server.form.getAll("xmp"), [""]);
});
