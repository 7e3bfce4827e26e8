// SHA-256 of files in the browser. Browsers offer it over HTTPS and on the server's own machine only.

const LARGEST = 512 * 2 ** 20; // read whole into memory; the server takes no photo as large

/** @type {Worker|null} */
let worker = null;
/** @type {Map<number, (sha256: string|null) => void>} */
const waiting = new Map();
let numbers = 0;

export const canHash = Boolean(globalThis.isSecureContext && globalThis.crypto?.subtle && globalThis.Worker);

/** Its SHA-256 in hex digits, or null where it cannot be told. @param {File} file @returns {Promise<string|null>} */
export function sha256Of(file) {
  if (!canHash || file.size > LARGEST) return Promise.resolve(null);
  worker ??= started();
  return new Promise((resolve) => {
    numbers += 1;
    waiting.set(numbers, resolve);
    /** @type {Worker} */ (worker).postMessage({ number: numbers, file });
  });
}

function started() {
  const made = new Worker(new URL("./hash_worker.js", import.meta.url), { type: "module" });
  made.onmessage = ({ data: { number, sha256 } }) => {
    waiting.get(number)?.(sha256);
    waiting.delete(number);
  };
  made.onerror = () => { // no worker, no hashes: every file is sent
    for (const resolve of waiting.values()) resolve(null);
    waiting.clear();
  };
  return made;
}
