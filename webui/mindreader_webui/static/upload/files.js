// The files a person chose or dropped, with the folder each lies in; and what is not sent, by name.

import { _ } from "../lib/i18n.js";
import { goesWithPhotos, takeoutNames, xmpNames } from "./sidecars.js";

/**
 * @typedef {object} FoundFile
 * @property {File} file
 * @property {string} path its name, with the folders it lies in where a folder was chosen
 * @property {string} folder fit to be its category
 * @property {File} [xmp] the XMP file beside it
 * @property {File} [takeout] the JSON file beside it, by Google Takeout
 */
/** @typedef {{name: string, reason: string}} RefusedFile */
/** @typedef {{files: FoundFile[], refused: RefusedFile[], skippedFolders: string[], companions: string[]}} Found */
/** @typedef {{file: File, path: string}} Lying a file, and the path of the folder it lies in */

const LONGEST_CATEGORY = 200;
const NOT_IN_NAMES = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** What was found so far; which of it belongs together is known at the end. */
class Finds {
  constructor() {
    /** @type {Lying[]} */
    this.photos = [];
    /** @type {Map<string, File>} by path, in small letters */
    this.beside = new Map();
    /** @type {RefusedFile[]} */
    this.refused = [];
    /** @type {Set<string>} */
    this.skippedFolders = new Set();
    /** @type {string[]} names of files that only go with photos */
    this.companions = [];
  }

  /** @param {File} file @param {string} path of its folder */
  add(file, path) {
    if (!goesWithPhotos(file.name)) this.photos.push({ file, path });
    else {
      this.companions.push(file.name);
      this.beside.set(`${path}/${file.name}`.toLowerCase(), file);
    }
  }

  /** In the order of the command line: of files with equal bytes both take the same one. @returns {Found} */
  get all() {
    const { refused, companions } = this;
    const files = this.photos.sort(folderByFolder).map(({ file, path }) => ({
      file,
      path: path ? `${path}/${file.name}` : file.name,
      folder: asCategory(path.split("/").at(-1) ?? ""),
      xmp: this.first(path, xmpNames(file.name)),
      takeout: this.first(path, takeoutNames(file.name)),
    }));
    return { files, refused, skippedFolders: [...this.skippedFolders], companions };
  }

  /** @param {string} path @param {string[]} names */
  first(path, names) {
    const found = this.beside.size ? names.find((name) => this.beside.has(`${path}/${name}`.toLowerCase())) : undefined;
    return found === undefined ? undefined : this.beside.get(`${path}/${found}`.toLowerCase());
  }
}

/** A folder's own files by their names, then what lies in the folders below. @param {Lying} one @param {Lying} other */
const folderByFolder = (one, other) =>
  ordered(sortable(one.path), sortable(other.path)) || ordered(one.file.name, other.file.name);

/** So that a path comes right before those below it. @param {string} path */
const sortable = (path) => path.replaceAll("/", "\0");

/** As code units, whatever the language. @param {string} one @param {string} other */
const ordered = (one, other) => Number(one > other) - Number(one < other);

/**
 * The files of a file input, without those in folders to skip. The folder that was chosen is taken whatever its name is.
 *
 * @param {FileList|File[]} list
 * @param {string[]} skipped names of folders; * stands for any characters
 * @returns {Found}
 */
export function chosenFiles(list, skipped) {
  const isSkipped = skipTest(skipped);
  const found = new Finds();
  for (const file of list) {
    // Not what is before the last slash: browsers show a backslash of the name as one, too.
    const folders = file.webkitRelativePath.slice(0, -file.name.length).split("/").slice(0, -1);
    const at = folders.findIndex((name, index) => index > 0 && isSkipped(name));
    if (at >= 0) found.skippedFolders.add(folders.slice(0, at + 1).join("/"));
    else found.add(file, folders.join("/"));
  }
  return found.all;
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
  const found = new Finds();
  for (const entry of entries) {
    if (entry && entries.length > 1) await addEntry(found, entry, isSkipped);
    else if (entry) await addChosen(found, entry, isSkipped);
  }
  return found.all;
}

/** Without what no name may hold, and no longer than one may be. @param {string} folder */
const asCategory = (folder) => [...folder.replace(NOT_IN_NAMES, "")].slice(0, LONGEST_CATEGORY).join("").trim();

/** @param {Finds} found @param {FileSystemEntry} entry @param {(name: string) => boolean} isSkipped */
async function addEntry(found, entry, isSkipped) {
  if (entry.isDirectory && isSkipped(entry.name)) found.skippedFolders.add(pathOf(entry));
  else await addChosen(found, entry, isSkipped);
}

/** @param {Finds} found @param {FileSystemEntry} entry @param {(name: string) => boolean} isSkipped */
async function addChosen(found, entry, isSkipped) {
  try {
    if (entry.isFile) found.add(await fileOf(/** @type {FileSystemFileEntry} */ (entry)), folderOf(entry));
    else {
      const children = await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry));
      for (const child of children) await addEntry(found, child, isSkipped);
    }
  } catch {
    const reason = entry.isFile ? _("This file cannot be read.") : _("This folder cannot be read.");
    if (entry.isDirectory || !goesWithPhotos(entry.name)) found.refused.push({ name: pathOf(entry), reason });
  }
}

/** @param {FileSystemEntry} entry */
const pathOf = (entry) => entry.fullPath.replace(/^\//, "");

/** @param {FileSystemEntry} entry */
const folderOf = (entry) => pathOf(entry).split("/").slice(0, -1).join("/");

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
