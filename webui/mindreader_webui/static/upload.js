// The page Upload: many files and folders, one outcome each.

import { ApiError, call, get } from "./api.js";
import { byId, counted, make } from "./dom.js";

const FILES_PER_REQUEST = 8;
const BYTES_PER_REQUEST = 16 * 2 ** 20;
const AT_ONCE = 2;
const LONGEST_LIST = 500;
const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** @typedef {{file: File, category: string}} Item */

/** @type {Item[]} */
let queue = [];
let total = 0;
let active = 0;
const counts = { created: 0, duplicate: 0, rejected: 0 };
/** @type {AbortController} */
let stop = new AbortController();
/** @type {Promise<number>|null} */
let target = null;

async function loadCollections() {
  const { collections } = await get("/collections");
  const mine = collections.filter((/** @type {any} */ c) => c.mine);
  byId("collection").append(...mine.map((/** @type {any} */ c) => make("option", { value: c.id }, c.name)), make("option", { value: "" }, "A new collection…"));
  const wanted = new URLSearchParams(location.search).get("collection");
  if (wanted) byId("collection").value = wanted;
  chooseCollection();
}

function chooseCollection() {
  byId("new-label").hidden = byId("collection").value !== "";
  target = null;
}

/** Id of the collection to fill, made on the first upload when it is new. @returns {Promise<number>} */
function collectionId() {
  target ??= byId("collection").value
    ? Promise.resolve(Number(byId("collection").value))
    : call("POST", "/collections", { name: byId("new-name").value.trim() || "My photos" }).then((made) => {
      const option = make("option", { value: made.id }, made.name);
      byId("collection").prepend(option);
      byId("collection").value = String(made.id);
      byId("new-label").hidden = true;
      return made.id;
    });
  return target;
}

/** @param {{file: File, folder: string}[]} files */
function add(files) {
  const wanted = files.filter(({ file }) => !HIDDEN.test(file.name));
  if (!wanted.length) return;
  const labelled = byId("categories").checked;
  queue.push(...wanted.map(({ file, folder }) => ({ file, category: labelled ? folder : "" })));
  total += wanted.length;
  stop = stop.signal.aborted ? new AbortController() : stop;
  byId("progress-area").hidden = false;
  byId("cancel").hidden = false;
  byId("embedding").textContent = "";
  refresh();
  while (active < AT_ONCE && queue.length) work();
}

async function work() {
  active += 1;
  try {
    const id = await collectionId();
    while (queue.length && !stop.signal.aborted) await send(id, nextBatch());
  } catch (error) {
    target = null;
    queue = [];
    byId("summary").textContent = /** @type {Error} */ (error).message;
  } finally {
    active -= 1;
    if (!active) finished();
  }
}

/** @returns {Item[]} */
function nextBatch() {
  const batch = [];
  let bytes = 0;
  while (queue.length && batch.length < FILES_PER_REQUEST && (!batch.length || bytes + queue[0].file.size <= BYTES_PER_REQUEST)) {
    const item = /** @type {Item} */ (queue.shift());
    bytes += item.file.size;
    batch.push(item);
  }
  return batch;
}

/** @param {number} id @param {Item[]} batch */
async function send(id, batch) {
  const form = new FormData();
  for (const { file, category } of batch) {
    form.append("file", file, file.name);
    form.append("category", category);
  }
  for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
    try {
      const { outcomes } = await call("POST", `/collections/${id}/photos`, form, stop.signal);
      outcomes.forEach(report);
      return;
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) {
        batch.forEach(({ file }) => report({ file: file.name, status: "rejected", reason: error.message }));
        return;
      }
      if (stop.signal.aborted) return;
      byId("summary").textContent = "The connection is gone. Trying again…";
      await new Promise((resolve) => setTimeout(resolve, Math.min(30000, 1000 * 2 ** attempt)));
    }
  }
}

/** @param {any} outcome */
function report(outcome) {
  counts[/** @type {keyof typeof counts} */ (outcome.status)] += 1;
  const words = { created: "uploaded", duplicate: "already there", rejected: outcome.reason };
  const line = make("li", { class: outcome.status }, make("span", {}, outcome.file), make("span", {}, words[/** @type {keyof typeof words} */ (outcome.status)]));
  const list = byId("outcomes");
  // What needs a person comes first.
  if (outcome.status === "rejected") list.prepend(line);
  else if (list.children.length < LONGEST_LIST) list.append(line);
  refresh();
}

function refresh() {
  const done = counts.created + counts.duplicate + counts.rejected;
  byId("progress").value = total ? done / total : 0;
  byId("summary").textContent = `${done} of ${counted(total, "file", "files")}: ${counts.created} uploaded, ${counts.duplicate} already there, ${counts.rejected} refused`;
}

async function finished() {
  byId("cancel").hidden = true;
  for (;;) {
    const { embedding } = await get("/status");
    const waiting = embedding.pending + embedding.leased;
    if (active) return;
    if (!waiting) break;
    byId("embedding").textContent = `${counted(waiting, "photo is", "photos are")} being prepared for searching…`;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  byId("embedding").replaceChildren("Every photo can be found now. ", make("a", { href: "/" }, "Draw something"));
}

/** @param {File} file */
const folderOf = (file) => file.webkitRelativePath.split("/").slice(0, -1).pop() ?? "";

/** All files below a dropped entry. @param {any} entry @param {string} folder @returns {Promise<{file: File, folder: string}[]>} */
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
  return (await Promise.all(all.map((child) => filesBelow(child, entry.name)))).flat();
}

byId("collection").onchange = chooseCollection;
byId("files").onchange = () => { add([...byId("files").files].map((file) => ({ file, folder: "" }))); byId("files").value = ""; };
byId("folder").onchange = () => { add([...byId("folder").files].map((file) => ({ file, folder: folderOf(file) }))); byId("folder").value = ""; };
byId("cancel").onclick = () => { stop.abort(); total -= queue.length; queue = []; refresh(); };

const drop = byId("drop");
drop.addEventListener("dragover", (/** @type {DragEvent} */ event) => { event.preventDefault(); drop.classList.add("dropping"); });
drop.addEventListener("dragleave", () => drop.classList.remove("dropping"));
drop.addEventListener("drop", async (/** @type {DragEvent} */ event) => {
  event.preventDefault();
  drop.classList.remove("dropping");
  const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  add((await Promise.all(entries.map((entry) => filesBelow(entry, "")))).flat());
});
addEventListener("beforeunload", (event) => { if (active) event.preventDefault(); });

loadCollections().catch((error) => { byId("progress-area").hidden = false; byId("summary").textContent = error.message; });
