// A server in place of `fetch`: it keeps photos by their SHA-256, counts requests, and can be away, slow or unwilling.

import { createHash } from "node:crypto";

export class FakeServer {
  constructor() {
    /** The photos it has, by SHA-256. */
    this.photos = new Map();
    /** Sizes of the batches of files it was sent. */
    this.batches = [];
    /** The last form it was sent. */
    this.form = new FormData();
    this.requests = 0;
    /** How many of the next requests find nobody: "before" they arrive, or once they were carried out, "after". */
    this.lost = { before: 0, after: 0 };
    /** Answers a status in place of carrying a request out: `(path, files) => number | undefined`. */
    this.refuses = () => undefined;
    /** Whether the connection is closed while these files are sent: `(files) => boolean`. */
    this.hangsUp = () => false;
    /** A promise that uploads wait for. */
    this.gate = Promise.resolve();
    globalThis.fetch = (url, options) => this.answer(url, options);
  }

  /** Put a photo there beforehand. */
  keep(content, { collection_id = 1, mine = true, collection = "Old" } = {}) {
    const page = `/library/${collection_id}?photo=${this.photos.size + 1}`;
    const photo = { photo_id: this.photos.size + 1, collection_id, collection, mine, page, sha256: sha256(content) };
    this.photos.set(`${collection_id} ${photo.sha256}`, photo);
    return photo;
  }

  async answer(url, { body, signal }) {
    this.requests += 1;
    signal?.throwIfAborted();
    const path = url.replace("/api/v1", "");
    const collection = Number(path.split("/")[2]);
    const files = body instanceof FormData ? body.getAll("file") : [];
    if (files.length) this.form = body;
    if (this.lost.before > 0) {
      this.lost.before -= 1;
      throw new TypeError("fetch failed");
    }
    if (this.hangsUp(files)) throw new TypeError("fetch failed");
    if (path === "/status") return Response.json({});
    const status = this.refuses(path, files);
    if (status) return Response.json({ detail: `refused with ${status}` }, { status });
    const answer = path.endsWith("/existing")
      ? this.existing(JSON.parse(body))
      : await this.take(collection, files, signal);
    if (this.lost.after > 0) {
      this.lost.after -= 1;
      throw new TypeError("fetch failed");
    }
    return Response.json(answer);
  }

  existing({ sha256: digests }) {
    return { existing: [...this.photos.values()].filter((photo) => digests.includes(photo.sha256)) };
  }

  async take(collection_id, files, signal) {
    this.batches.push(files.length);
    await aborted(this.gate, signal);
    const outcomes = [];
    for (const file of files) {
      const content = Buffer.from(await file.arrayBuffer());
      const before = this.photos.get(`${collection_id} ${sha256(content)}`);
      const photo = before ?? this.keep(content, { collection_id });
      outcomes.push({
        file: file.name,
        status: before ? "duplicate" : "created",
        photo_id: photo.photo_id,
        reason: null,
      });
    }
    return { outcomes };
  }
}

/** As `fetch` does: the promise, unless the signal aborts before. */
const aborted = (promise, signal) =>
  Promise.race([
    promise,
    new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
  ]);

const sha256 = (content) => createHash("sha256").update(content).digest("hex");
