// Files on their way to the server: hashed and looked up, then sent a few at a time; each ends with one outcome.
//
//   waiting ──hash, look up──▶ ready ──send──▶ outcome
//
// Nothing is kept between visits: whoever chooses the same folder again sends only what is missing, since the server
// knows the rest by its SHA-256. A file sent twice, because the answer to the first time was lost, is one photo.

import { ApiError, call, get } from "../lib/api.js";
import { messageOf } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { canHash, sha256Of } from "./hashing.js";

/** @import { ExistingFile, FileOutcome } from "../../../typings/api" */
/** @import { Connection } from "./connection.js" */

const FILES_PER_REQUEST = 8;
const BYTES_PER_REQUEST = 16 * 2 ** 20;
const SENDERS = 2;
const FILES_PER_LOOKUP = 50;
const READY_AHEAD = 150;
const TOO_LARGE = 413;
const BYTES_AROUND_A_FILE = 8192; // of the form it is sent in: its name, its folder, its category, what stands between
const BYTES_BESIDE = 2 ** 15; // of a file beside it; the date stands at the beginning
const MOST_LOSSES = 4;
const CONTROLS = /\p{Cc}/gu;

/**
 * @typedef {object} Item
 * @property {File} file
 * @property {string} path its name, with the folders it lies in: what its outcome is listed under
 * @property {string} category
 * @property {Promise<number>} target id of the collection
 * @property {boolean} everywhere send it even if another collection has it
 * @property {File} [xmp] the XMP file beside it
 * @property {File} [takeout] the JSON file beside it, by Google Takeout
 * @property {boolean} [maybeSent] it may have arrived, though no answer came
 */
/**
 * @typedef {object} Outcome
 * @property {string} file
 * @property {"created"|"duplicate"|"rejected"} status
 * @property {string|null} [reason]
 * @property {string} [page] where a person can look at it
 * @property {string} [where] the collection that has it already
 */
/** @typedef {{file_max_bytes: number, request_max_bytes: number}} Limits */
/** @typedef {{outcome: (outcome: Outcome) => void, idle: () => void, stopped: (error: Error) => void}} Listeners */

export class UploadQueue {
  /** @param {Connection} connection @param {Listeners} on */
  constructor(connection, on) {
    this.connection = connection;
    this.on = on;
    /** @type {Item[]} */
    this.waiting = [];
    /** @type {Item[]} */
    this.ready = [];
    this.paused = false;
    this.running = { lookUp: 0, send: 0 };
    this.controller = new AbortController();
    /** @type {Limits} what the server takes */
    this.limits = { file_max_bytes: Infinity, request_max_bytes: Infinity };
  }

  get busy() {
    return this.waiting.length + this.ready.length + this.running.lookUp + this.running.send > 0;
  }

  /** Those that need no look inside have their outcome at once. @param {Item[]} items */
  add(items) {
    const reasons = new Map(items.map((item) => [item, this.unfit(item.file)]));
    for (const [item, reason] of reasons) if (!reason) this.waiting.push(item);
    if (this.controller.signal.aborted) this.controller = new AbortController();
    for (const [item, reason] of reasons) if (reason) this.reject(item, reason);
    this.start();
    if (!this.busy) this.on.idle();
  }

  /**
   * Why not to read a file: the server would hang up on it, or nothing is in it. So a named pipe looks, too, and reading
   * one never ends.
   *
   * @param {File} file
   */
  unfit({ size }) {
    if (size > this.largestFile) return tooLarge(this.largestFile);
    return size ? "" : _("This file is empty (0 bytes). Copy or export it again.");
  }

  get largestFile() {
    return Math.min(this.limits.file_max_bytes, Math.max(0, this.limits.request_max_bytes - BYTES_AROUND_A_FILE));
  }

  get bytesTogether() {
    return Math.min(BYTES_PER_REQUEST, this.limits.request_max_bytes - FILES_PER_REQUEST * BYTES_AROUND_A_FILE);
  }

  /** Requests on their way are finished; none begins. */
  pause() {
    this.paused = true;
  }

  resume() {
    this.paused = false;
    this.start();
  }

  /** Give up what has no outcome yet; says how many files that is. */
  cancel() {
    const left = this.waiting.length + this.ready.length;
    this.waiting = [];
    this.ready = [];
    this.paused = false;
    this.controller.abort();
    return left;
  }

  /** Begin whatever there is to do and nobody does. */
  start() {
    if (this.paused) return;
    if (!this.running.lookUp && this.wantsLookUp) this.run("lookUp");
    while (this.running.send < SENDERS && this.ready.length) this.run("send");
  }

  get wantsLookUp() {
    return this.waiting.length > 0 && this.ready.length < READY_AHEAD;
  }

  /** Do it until nothing is left for it. @param {"lookUp"|"send"} step */
  async run(step) {
    const { signal } = this.controller;
    this.running[step] += 1;
    try {
      while (!this.paused && !signal.aborted && (await this[step](signal)));
    } catch (error) {
      if (!signal.aborted) {
        this.cancel();
        this.on.stopped(error instanceof Error ? error : new Error(messageOf(error)));
      }
    } finally {
      this.running[step] -= 1;
    }
    this.start();
    if (!this.busy) this.on.idle();
  }

  /** Take some files that wait, and sort out those the server has. @param {AbortSignal} signal */
  async lookUp(signal) {
    const [first] = this.waiting;
    if (!first || !this.wantsLookUp) return false;
    const others = this.waiting.findIndex((item) => item.target !== first.target);
    const items = this.waiting.splice(0, Math.min(FILES_PER_LOOKUP, others < 0 ? this.waiting.length : others));
    const [id, digests] = await Promise.all([first.target, Promise.all(items.map(({ file }) => sha256Of(file)))]);
    const existing = await this.existing(id, digests, signal);
    if (signal.aborted) return false;
    items.forEach((item, index) => {
      const photo = existing.get(digests[index] ?? "");
      if (photo && (photo.collection_id === id || (photo.mine && !item.everywhere))) this.skip(item, photo);
      else this.ready.push(item);
    });
    this.start();
    return true;
  }

  /**
   * @param {number} id
   * @param {(string|null)[]} digests
   * @param {AbortSignal} signal
   * @returns {Promise<Map<string, ExistingFile>>}
   */
  async existing(id, digests, signal) {
    const sha256 = [...new Set(digests)].filter((digest) => digest !== null);
    if (!canHash || !sha256.length) return new Map();
    const options = { path: { collection_id: id }, body: { sha256 }, signal };
    const answer = await this.connection.withRetry(
      () => call("POST", "/collections/{collection_id}/existing", options),
      signal,
    );
    return new Map(answer.existing.map((photo) => [photo.sha256, photo]));
  }

  /** Send the next few files. @param {AbortSignal} signal */
  async send(signal) {
    const batch = this.nextBatch();
    if (!batch.length) return false;
    try {
      await this.sendBatch(batch, signal);
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === TOO_LARGE && batch.length > 1) for (const item of batch) await this.sendAlone(item, signal);
      else batch.forEach((item) => this.reject(item, error.message));
    }
    this.start();
    return true;
  }

  /** @param {Item} item @param {AbortSignal} signal */
  async sendAlone(item, signal) {
    try {
      await this.sendBatch([item], signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.reject(item, error.message);
    }
  }

  /** @param {Item[]} batch of one collection @param {AbortSignal} signal */
  async sendBatch(batch, signal) {
    const id = await batch[0]?.target;
    const items = await this.readable(batch);
    if (id === undefined || !items.length) return;
    const body = await formOf(
      items,
      items.reduce((sum, item) => sum + bytesOf(item), 0) <= this.limits.request_max_bytes,
    );
    const options = { path: { collection_id: id }, body, signal };
    const onFailure = lossesCounted(items, signal);
    const { outcomes } = await this.connection.withRetry(
      () => call("POST", "/collections/{collection_id}/photos", options).catch(onFailure),
      signal,
    );
    outcomes.forEach((outcome, index) => {
      const item = items[index];
      if (item) this.on.outcome(outcomeOf(item, outcome, id));
    });
  }

  /**
   * Without those that changed or went away since they were chosen: sending them would look like a lost connection.
   *
   * @param {Item[]} batch
   */
  async readable(batch) {
    const checked = await Promise.all(batch.map(async (item) => ({ item, ok: await isReadable(item.file) })));
    const reason = _("This file changed or went away since you chose it. Choose it again.");
    for (const { item, ok } of checked) if (!ok) this.reject(item, reason);
    return checked.filter(({ ok }) => ok).map(({ item }) => item);
  }

  /** As many as go into one request, of one collection. @returns {Item[]} */
  nextBatch() {
    let bytes = 0;
    const end = this.ready.findIndex((item, index) => {
      bytes += item.file.size + bytesBeside(item);
      const fits = bytes <= this.bytesTogether && item.target === this.ready[0]?.target;
      return index === FILES_PER_REQUEST || (index > 0 && !fits);
    });
    return this.ready.splice(0, end < 0 ? this.ready.length : end);
  }

  /** @param {Item} item @param {ExistingFile} photo */
  skip(item, { page, collection }) {
    this.on.outcome({ file: item.path, status: "duplicate", page, where: collection });
  }

  /** @param {Item} item @param {string} reason */
  reject(item, reason) {
    this.on.outcome({ file: item.path, status: "rejected", reason });
  }
}

/** @param {Item[]} items @param {boolean} withBeside there is room for the files beside them */
async function formOf(items, withBeside) {
  const form = new FormData();
  for (const { file, path, category, xmp, takeout } of items) {
    form.append("file", file, sentName(file.name));
    form.append("category", category);
    form.append("modified", localTime(file.lastModified));
    form.append("xmp", await beginning(withBeside ? xmp : undefined));
    form.append("takeout", await beginning(withBeside ? takeout : undefined));
    form.append("folder", path.split("/").slice(0, -1).join("/").replace(CONTROLS, ""));
  }
  return form;
}

/**
 * Without controls, which forms carry as %0A for good, and without a folder of Windows: servers take its backslash for a
 * quoted letter.
 *
 * @param {string} name
 */
const sentName = (name) => (name.split("\\").at(-1) ?? "").replace(CONTROLS, "") || "photo";

/** Bytes of the files beside it that are sent, at most. @param {Item} item */
const bytesBeside = ({ xmp, takeout }) => (Number(!!xmp) + Number(!!takeout)) * BYTES_BESIDE;

/** Bytes that it takes in a request, at most. @param {Item} item */
const bytesOf = (item) => item.file.size + BYTES_AROUND_A_FILE + bytesBeside(item);

/** A photo is sent all the same where what lies beside it cannot be read. @param {File} [file] */
const beginning = async (file) =>
  (await file
    ?.slice(0, BYTES_BESIDE)
    .text()
    .catch(() => "")) ?? "";

/** By the clock of this machine, as cameras write it: `2019-03-21T10:11:12`. @param {number} milliseconds since 1970 */
function localTime(milliseconds) {
  const minutes = new Date(milliseconds).getTimezoneOffset();
  const moment = new Date(milliseconds - minutes * 60_000);
  const text = Number.isNaN(moment.getTime()) ? "" : moment.toISOString().slice(0, 19);
  return /^\d{4}-/.test(text) ? text : "";
}

/** @param {File} file */
const isReadable = (file) =>
  file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );

/**
 * Remember that the files may have arrived, unless the server refused them.
 *
 * @param {unknown} error
 * @param {Item[]} items
 * @returns {never}
 */
function noteLost(error, items) {
  if (!(error instanceof ApiError) || error.status >= 500) items.forEach((item) => (item.maybeSent = true));
  throw error;
}

/**
 * What to do each time sending these files fails. A server that answers others, but is lost whenever it is sent these,
 * will not take them, nor does a proxy before it that hangs up on what is too large.
 *
 * @param {Item[]} items
 * @param {AbortSignal} signal
 * @returns {(error: unknown) => Promise<never>}
 */
function lossesCounted(items, signal) {
  let answered = 0; // in a row
  return async (error) => {
    if (error instanceof ApiError) return noteLost(error, items);
    const isThere = await get("/status", { signal }).catch(() => null);
    answered = isThere ? answered + 1 : 0;
    if (answered < MOST_LOSSES) return noteLost(error, items);
    throw new ApiError(_("The connection was closed each time this file was sent. Send a smaller copy."), TOO_LARGE);
  };
}

/** @param {number} limit in bytes */
const tooLarge = (limit) =>
  _("This file is larger than {megabytes} MB. Send a smaller copy.", {
    megabytes: Number((limit / 2 ** 20).toPrecision(4)),
  });

/** @param {Item} item @param {FileOutcome} outcome @param {number} id of the collection @returns {Outcome} */
function outcomeOf(item, outcome, id) {
  // It is there because it arrived the first time, when no answer came back.
  const status = outcome.status === "duplicate" && item.maybeSent ? "created" : outcome.status;
  const page = outcome.photo_id ? `/library/${id}?photo=${outcome.photo_id}` : undefined;
  return { file: item.path, status, reason: outcome.reason, page };
}
