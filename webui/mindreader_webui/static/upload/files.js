// The files a person chose or dropped, with the folder each lies in.

/** @typedef {{file: File, folder: string}} FoundFile */

const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** @param {FileList} list @returns {FoundFile[]} */
export const chosenFiles = (list) => visible([...list].map((file) => ({ file, folder: folderOf(file) })));

/** @param {File} file */
const folderOf = (file) => file.webkitRelativePath.split("/").at(-2) ?? "";

/** All files of a drop, folders included. @param {DataTransfer} transfer */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()); // now: later they are gone
  return visible((await Promise.all(entries.map((entry) => filesBelow(entry, "")))).flat());
}

/** @param {FoundFile[]} found */
const visible = (found) => found.filter(({ file }) => !HIDDEN.test(file.name));

/** @param {FileSystemEntry|null} entry @param {string} folder @returns {Promise<FoundFile[]>} */
async function filesBelow(entry, folder) {
  if (!entry) return [];
  if (entry.isFile) return [{ file: await fileOf(/** @type {FileSystemFileEntry} */ (entry)), folder }];
  const found = [];
  for (const child of await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry))) {
    found.push(...(await filesBelow(child, entry.name)));
  }
  return found;
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/** @param {FileSystemDirectoryEntry} entry */
async function childrenOf(entry) {
  const reader = entry.createReader();
  const all = [];
  for (;;) {
    // A reader gives at most a hundred entries at a time.
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
