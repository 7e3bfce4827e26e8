// The files a person chose or dropped, with the folder each lies in.

const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** @typedef {{file: File, folder: string}} Found */

/** @param {FileList} list @returns {Found[]} */
export function chosenFiles(list) {
  return visible([...list].map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).pop() ?? "" })));
}

/** All files of a drop, folders included. @param {DataTransfer} transfer @returns {Promise<Found[]>} */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean); // now: later they are gone
  return visible((await Promise.all(entries.map((entry) => filesBelow(entry, "")))).flat());
}

/** @param {Found[]} found */
const visible = (found) => found.filter(({ file }) => !HIDDEN.test(file.name));

/** @param {any} entry @param {string} folder @returns {Promise<Found[]>} */
async function filesBelow(entry, folder) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    return [{ file, folder }];
  }
  const reader = entry.createReader();
  const all = [];
  for (;;) {
    // A reader gives at most a hundred entries at a time.
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) break;
    all.push(...some);
  }
  const found = [];
  for (const child of all) found.push(...await filesBelow(child, entry.name));
  return found;
}
