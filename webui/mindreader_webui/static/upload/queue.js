// Files on their way to the server: read and asked about, then sent a few at a time; each ends with one outcome.
//
//   waiting ──hash, ask──▶ ready ──send──▶ outcome
//
// Nothing is kept between visits: whoever chooses the same folder again sends only what is missing, since the server
// knows the rest by its SHA-256. A file sent twice, because the answer to the first time was lost, is one photo.

import { ApiError, call } from "../lib/api.js";
import { _ } from "../lib/i18n.js";
import { canHash, sha256Of } from "./hashing.js";

const FILES_PER_REQUEST = 8;
const BYTES_PER_REQUEST = 16 * 2 ** 20;
const SENDERS = 2;
const FILES_PER_QUESTION = 50;
const READY_AHEAD = 150;
const TOO_LARGE = 413;

/**
 * @typedef {{file: File, category: string, target: Promise<number>, everywhere: boolean, sent?: boolean}} Item `everywhere`: even if
 *   another collection has it; `sent`: it may have arrived, though no answer came
 * @typedef {{file: string, status: "created"|"duplicate"|"rejected", reason?: string|null, page?: string, where?: string}} Outcome
 */

export class UploadQueue {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {{outcome: (outcome: Outcome) => void, idle: () => void, stopped: (error: Error) => void}} tell
   */
  constructor(connection, tell) {
    this.connection = connection;
    this.tell = tell;
    /** @type {Item[]} */
    this.waiting = [];
    /** @type {Item[]} */
    this.ready = [];
    this.paused = false;
    this.asking = 0;
    this.sending = 0;
    this.stop = new AbortController();
  }

  get busy() { return this.waiting.length + this.ready.length + this.asking + this.sending > 0; }

  /** @param {Item[]} items */
  add(items) {
    this.waiting.push(...items);
    if (this.stop.signal.aborted) this.stop = new AbortController();
    this.go();
  }

  /** Requests on their way are finished; none begins. */
  pause() { this.paused = true; }

  resume() { this.paused = false; this.go(); }

  /** Give up what has no outcome yet; says how many files that is. */
  cancel() {
    const left = this.waiting.length + this.ready.length;
    this.waiting = [];
    this.ready = [];
    this.paused = false;
    this.stop.abort();
    return left;
  }

  go() {
    if (this.paused) return;
    if (!this.asking && this.hasQuestions) this.run("asking", () => this.ask());
    while (this.sending < SENDERS && this.ready.length) this.run("sending", () => this.send());
  }

  get hasQuestions() { return this.waiting.length > 0 && this.ready.length < READY_AHEAD; }

  /** Do it until nothing is left for it. @param {"asking"|"sending"} what @param {() => Promise<boolean>} once */
  async run(what, once) {
    const { signal } = this.stop;
    this[what] += 1;
    try {
      while (!this.paused && !signal.aborted && await once());
    } catch (error) {
      if (!signal.aborted) { this.cancel(); this.tell.stopped(/** @type {Error} */ (error)); }
    } finally {
      this[what] -= 1;
    }
    this.go();
    if (!this.busy) this.tell.idle();
  }

  /** Take some files that wait, and sort out those the server has. */
  async ask() {
    if (!this.hasQuestions) return false;
    const { signal } = this.stop;
    const { target } = this.waiting[0];
    let count = 1;
    while (count < Math.min(FILES_PER_QUESTION, this.waiting.length) && this.waiting[count].target === target) count += 1;
    const items = this.waiting.splice(0, count);
    const [id, digests] = await Promise.all([target, Promise.all(items.map(({ file }) => sha256Of(file)))]);
    const existing = await this.existing(id, digests, signal);
    if (signal.aborted) return false;
    items.forEach((item, index) => {
      const photo = existing.get(digests[index] ?? "");
      if (photo && (photo.collection_id === id || (photo.mine && !item.everywhere))) {
        this.tell.outcome({ file: item.file.name, status: "duplicate", page: photo.page, where: photo.collection });
      } else this.ready.push(item);
    });
    this.go();
    return true;
  }

  /** @param {number} id @param {(string|null)[]} digests @param {AbortSignal} signal @returns {Promise<Map<string, any>>} */
  async existing(id, digests, signal) {
    const sha256 = [...new Set(digests)].filter(Boolean);
    if (!canHash || !sha256.length) return new Map();
    const answer = await this.connection.insist(() => call("POST", `/collections/${id}/existing`, { sha256 }, signal), signal);
    return new Map(answer.existing.map((/** @type {any} */ photo) => [photo.sha256, photo]));
  }

  /** Send the next few files. */
  async send() {
    const batch = this.nextBatch();
    if (!batch.length) return false;
    const { signal } = this.stop;
    try {
      await this.sendBatch(batch, signal);
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === TOO_LARGE && batch.length > 1) for (const item of batch) await this.sendAlone(item, signal);
      else batch.forEach((item) => this.refuse(item, error.message));
    }
    this.go();
    return true;
  }

  /** @param {Item} item @param {AbortSignal} signal */
  async sendAlone(item, signal) {
    try {
      await this.sendBatch([item], signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.refuse(item, error.message);
    }
  }

  /** @param {Item[]} batch @param {AbortSignal} signal */
  async sendBatch(batch, signal) {
    const id = await batch[0].target;
    const readable = await this.readable(batch);
    if (!readable.length) return;
    const { outcomes } = await this.connection.insist(() => {
      const form = new FormData();
      for (const { file, category } of readable) {
        form.append("file", file, file.name);
        form.append("category", category);
      }
      return call("POST", `/collections/${id}/photos`, form, signal).catch((error) => {
        if (!(error instanceof ApiError) || error.status >= 500) readable.forEach((item) => { item.sent = true; });
        throw error;
      });
    }, signal);
    outcomes.forEach((/** @type {any} */ outcome, /** @type {number} */ index) => this.tell.outcome(answered(outcome, readable[index], id)));
  }

  /** Without those that changed or went away since they were chosen: sending them would look like a lost connection. @param {Item[]} batch */
  async readable(batch) {
    const found = await Promise.all(batch.map(({ file }) => file.slice(0, 1).arrayBuffer().then(() => true, () => false)));
    batch.forEach((item, index) => { if (!found[index]) this.refuse(item, _("This file changed or went away since you chose it. Choose it again.")); });
    return batch.filter((_, index) => found[index]);
  }

  /** @returns {Item[]} */
  nextBatch() {
    /** @type {Item[]} */
    const batch = [];
    let bytes = 0;
    while (this.ready.length && batch.length < FILES_PER_REQUEST) {
      const [item] = this.ready;
      if (batch.length && (bytes + item.file.size > BYTES_PER_REQUEST || item.target !== batch[0].target)) break;
      bytes += item.file.size;
      batch.push(item);
      this.ready.shift();
    }
    return batch;
  }

  /** @param {Item} item @param {string} reason */
  refuse(item, reason) { this.tell.outcome({ file: item.file.name, status: "rejected", reason }); }
}

/** @param {any} outcome @param {Item} item @param {number} id @returns {Outcome} */
function answered(outcome, item, id) {
  // It is there because it arrived the first time, when no answer came back.
  const status = outcome.status === "duplicate" && item.sent ? "created" : outcome.status;
  const page = outcome.photo_id ? `/library/${id}?photo=${outcome.photo_id}` : undefined;
  return { file: item.file.name, status, reason: outcome.reason, page };
}
