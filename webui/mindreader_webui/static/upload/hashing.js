// SHA-256 of files in the browser. Browsers offer it over HTTPS and on the server's own machine only.

/** @import { Digest } from "./hash_worker.js" */

const LARGEST = 512 * 2 ** 20; // read whole into memory; the server takes no photo as large

/** @type {Worker|null} */
let worker = null;
/** @type {Map<number, (sha256: string|null) => void>} */
const waiting = new Map();
let lastNumber = 0;

export const canHash = Boolean(globalThis.isSecureContext && globalThis.crypto?.subtle && globalThis.Worker);

/** Its SHA-256 in hex digits, or null where it cannot be told. @param {File} file @returns {Promise<string|null>} */
export function sha256Of(file) {
  if (!canHash || file.size > LARGEST) return Promise.resolve(null);
  const hasher = (worker ??= startWorker());
  return new Promise((resolve) => {
    lastNumber += 1;
    waiting.set(lastNumber, resolve);
    hasher.postMessage({ number: lastNumber, file });
  });
}

function startWorker() {
  const started = new Worker(new URL("./hash_worker.js", import.meta.url), { type: "module" });
  started.onmessage = (/** @type {MessageEvent<Digest>} */ { data: { number, sha256 } }) => {
    waiting.get(number)?.(sha256);
    waiting.delete(number);
  };
  // No worker, no hashes: every file is sent.
  started.onerror = () => {
    for (const resolve of waiting.values()) resolve(null);
    waiting.clear();
  };
  return started;
}
