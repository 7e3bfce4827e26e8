// What another app shared with this one: the service worker takes the pictures in (sw.js), a page takes them out.
//
// They lie in a cache of this browser until they are used, and for an hour at most.

const CACHE = "mindreader-shared"; // as in sw.js
const MOST_MS = 3_600_000;

/** @returns {Promise<File[]>} in the order they were shared; none where nothing was, or too long ago */
export async function sharedFiles() {
  if (!("caches" in globalThis && (await caches.has(CACHE)))) return []; // also without https
  const cache = await caches.open(CACHE);
  const files = await Promise.all((await cache.keys()).map(async (key) => fileOf(await cache.match(key))));
  if (files.some((file) => file === null)) await forgetSharedFiles();
  return files.every((file) => file !== null) ? files : [];
}

export const forgetSharedFiles = async () => void ("caches" in globalThis && (await caches.delete(CACHE)));

/** @param {Response|undefined} kept @returns {Promise<File|null>} null where it is too old */
async function fileOf(kept) {
  const [name, at] = ["X-Name", "X-Shared-At"].map((header) => kept?.headers.get(header) ?? "");
  if (!kept || !(Date.now() - Number(at) < MOST_MS)) return null;
  const type = kept.headers.get("Content-Type") ?? "";
  return new File([await kept.blob()], decodeURIComponent(name ?? ""), { type });
}
