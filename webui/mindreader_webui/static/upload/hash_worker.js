// In a worker: SHA-256 of files, one after the other, so that the page stays free and one file at a time is in memory.

/** @typedef {{number: number, file: File}} Question */
/** @typedef {{number: number, sha256: string|null}} Digest */

let last = Promise.resolve();

/** @param {MessageEvent<Question>} event */
onmessage = ({ data: { number, file } }) => {
  last = last.then(async () => postMessage({ number, sha256: await digest(file) }));
};

/** @param {File} file @returns {Promise<string|null>} null when it cannot be read: sending it will say so */
async function digest(file) {
  try {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}

export {};
