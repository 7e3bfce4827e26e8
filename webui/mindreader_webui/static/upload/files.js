// The files a person chose or dropped, with the folder each lies in; and what is not sent, by name.

import { _ } from "../lib/i18n.js";

/** @typedef {{file: File, folder: string}} FoundFile */
/** @typedef {{name: string, reason: string}} RefusedFile */
/** @typedef {{files: FoundFile[], refused: RefusedFile[], skippedFolders: string[]}} Found */

const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;
const LONGEST_CATEGORY = 200;
const NOT_IN_NAMES = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** @returns {Found} */
const nothing = () => ({ files: [], refused: [], skippedFolders: [] });

/**
 * The files of a file input, without those in folders to skip. The folder that was chosen is taken whatever its name is.
 *
 * @param {FileList|File[]} list
 * @param {string[]} skipped names of folders; * stands for any characters
 * @returns {Found}
 */
export function chosenFiles(list, skipped) {
  const isSkipped = skipTest(skipped);
  const found = nothing();
  const skippedFolders = new Set();
  for (const file of list) {
    const folders = file.webkitRelativePath.split("/").slice(0, -1);
    const at = folders.findIndex((name, index) => index > 0 && isSkipped(name));
    if (at >= 0) skippedFolders.add(folders.slice(0, at + 1).join("/"));
    else addFile(found, file, folders.at(-1) ?? "");
  }
  return { ...found, skippedFolders: [...skippedFolders] };
}

/**
 * All files of a drop, folders included. One folder dropped alone is taken whatever its name is.
 *
 * @param {DataTransfer} transfer
 * @param {Promise<string[]>} skipped names of folders; * stands for any characters
 */
export async function droppedFiles(transfer, skipped) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()); // now: later they are gone
  const isSkipped = skipTest(await skipped);
  const found = nothing();
  for (const entry of entries) {
    if (entry && entries.length > 1) await addEntry(found, entry, "", isSkipped);
    else if (entry) await addChosen(found, entry, "", isSkipped);
  }
  return found;
}

/** @param {Found} found @param {File} file @param {string} folder */
function addFile(found, file, folder) {
  if (!HIDDEN.test(file.name)) found.files.push({ file, folder: asCategory(folder) });
}

/** Without what no name may hold, and no longer than one may be. @param {string} folder */
const asCategory = (folder) => [...folder.replace(NOT_IN_NAMES, "")].slice(0, LONGEST_CATEGORY).join("").trim();

/** @param {Found} found @param {FileSystemEntry} entry @param {string} folder @param {(name: string) => boolean} isSkipped */
async function addEntry(found, entry, folder, isSkipped) {
  if (entry.isDirectory && isSkipped(entry.name)) found.skippedFolders.push(pathOf(entry));
  else await addChosen(found, entry, folder, isSkipped);
}

/** @param {Found} found @param {FileSystemEntry} entry @param {string} folder @param {(name: string) => boolean} isSkipped */
async function addChosen(found, entry, folder, isSkipped) {
  try {
    if (entry.isFile) addFile(found, await fileOf(/** @type {FileSystemFileEntry} */ (entry)), folder);
    else {
      const children = await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry));
      for (const child of children) await addEntry(found, child, entry.name, isSkipped);
    }
  } catch {
    const reason = entry.isFile ? _("This file cannot be read.") : _("This folder cannot be read.");
    if (!HIDDEN.test(entry.name)) found.refused.push({ name: pathOf(entry), reason });
  }
}

/** @param {FileSystemEntry} entry */
const pathOf = (entry) => entry.fullPath.replace(/^\//, "");

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

/** Whether a folder of this name is passed over. @param {string[]} skipped @returns {(name: string) => boolean} */
function skipTest(skipped) {
  const patterns = skipped.map((name) => new RegExp(`^${name.split("*").map(escaped).join(".*")}$`, "isu"));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
