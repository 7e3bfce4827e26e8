// The page Upload: many files and folders, one outcome each; pauses, lost connections and closed tabs lose nothing.

import { dropZone } from "../components/drop_zone.js";
import { call, get } from "../lib/api.js";
import { byId, h, messageOf, saveFile, setDisabled, showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";
import { forgetSharedFiles, sharedFiles } from "../lib/shared_files.js";
import { Connection } from "../upload/connection.js";
import { chosenFiles, droppedFiles } from "../upload/files.js";
import { Outcomes } from "../upload/outcomes.js";
import { UploadQueue } from "../upload/queue.js";
import { kindOf } from "../upload/sidecars.js";

/** @import { Found, FoundFile } from "../upload/files.js" */

const POLL_MS = 1000;
const NAMES_SHOWN = 20;

const collection = byId("collection", HTMLSelectElement);
const newName = byId("new-name", HTMLInputElement);
const fileInputs = [byId("files", HTMLInputElement), byId("folder", HTMLInputElement)];

let total = 0;
/** @type {Promise<number>|null} id of the collection to fill */
let target = null;
let trouble = "";
/** @type {string[]} names of folders to pass over */
let skipped = [];
/** @type {string[]} */
const skippedFolders = [];
/** @type {string[]} names of files that only go with photos */
const companions = [];

const outcomes = new Outcomes(byId("outcomes"));
const connection = new Connection((isLost) => {
  trouble = isLost ? _("The connection is gone. It is tried again and again; nothing is lost.") : "";
  refresh();
});
const queue = new UploadQueue(connection, {
  outcome: (outcome) => {
    outcomes.add(outcome);
    scheduleRefresh();
  },
  idle: () => {
    refresh();
    watchEmbedding().catch(() => {});
  },
  stopped: (error) => {
    target = null;
    endWith(error.message);
  },
});

/** What is left will not come: the files with an outcome are all there are. @param {string} reason */
function endWith(reason) {
  total = outcomes.all.length;
  trouble = reason;
  refresh();
}

async function loadCollections() {
  const { collections } = await get("/collections");
  const options = collections
    .filter(({ mine, shows_folder: isFolder }) => mine && !isFolder)
    .map(({ id, name }) => h("option", { value: id }, name));
  collection.append(...options, h("option", { value: "" }, _("A new collection…")));
  const wanted = new URLSearchParams(location.search).get("collection");
  if (wanted) collection.value = wanted;
  onCollectionChange();
}

async function loadRules() {
  const { uploads } = await get("/status");
  queue.limits = uploads;
  skipped = uploads.skipped_folders;
}

function onCollectionChange() {
  byId("new-label").hidden = collection.value !== "";
  target = null;
}

/** Id of the collection to fill, made on the first upload when it is new. @returns {Promise<number>} */
function collectionId() {
  target ??= collection.value
    ? Promise.resolve(Number(collection.value))
    : createCollection(newName.value.trim() || _("My photos"));
  target.catch(() => {}); // the queue says it
  return target;
}

/** Made once, even when the answer was lost and it is asked for again. @param {string} name */
async function createCollection(name) {
  const { signal } = new AbortController();
  const create = () => call("POST", "/collections", { body: { name } });
  const created = await connection.withRetry(create, signal).catch(async (error) => {
    const { collections } = await connection.withRetry(() => get("/collections"), signal);
    const existing = collections.find((each) => each.mine && each.name === name);
    if (!existing) throw error;
    return existing;
  });
  const value = String(created.id);
  if (![...collection.options].some((option) => option.value === value)) {
    collection.prepend(h("option", { value }, created.name));
  }
  collection.value = value;
  byId("new-label").hidden = true;
  return created.id;
}

/** @param {Found} found */
function add({ files, refused, skippedFolders: folders, companions: beside }) {
  for (const path of folders) skippedFolders.push(path);
  for (const name of beside) companions.push(name);
  if (!files.length && !refused.length && !folders.length && !beside.length) return;
  trouble = "";
  byId("progress-area").hidden = false;
  total += files.length + refused.length;
  for (const { name, reason } of refused) outcomes.add({ file: name, status: "rejected", reason });
  if (files.length) send(files);
  refresh();
}

/** @param {FoundFile[]} found */
function send(found) {
  const withCategory = byId("categories", HTMLInputElement).checked;
  const everywhere = byId("everywhere", HTMLInputElement).checked;
  const into = collectionId();
  byId("embedding").textContent = "";
  queue.add(
    found.map(({ folder, ...file }) => ({ ...file, category: withCategory ? folder : "", target: into, everywhere })),
  );
}

/** @param {HTMLInputElement} input */
function takeFiles(input) {
  if (input.files) add(chosenFiles(input.files, skipped));
  input.value = "";
}

let frame = 0;
/** Refresh before the next frame, once: outcomes come faster than anyone can read. */
function scheduleRefresh() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    refresh();
  });
}

function refresh() {
  byId("progress", HTMLProgressElement).value = total ? outcomes.all.length / total : 0;
  byId("summary").textContent = [outcomes.sentence(total), trouble].filter(Boolean).join(". ");
  byId("skipped").textContent = skippedFolders.length ? skippedSentence() : "";
  byId("companions").textContent = companions.length ? companionsSentence() : "";
  byId("pause").hidden = byId("cancel").hidden = !queue.busy;
  byId("pause").textContent = queue.paused ? _("Resume") : _("Pause");
  byId("save").hidden = !outcomes.all.length || queue.busy;
}

function skippedSentence() {
  return ngettext(
    "Passed over {n} folder, hidden or of a system: {names}",
    "Passed over {n} folders, hidden or of a system: {names}",
    skippedFolders.length,
    { names: different(skippedFolders.map((path) => path.split("/").at(-1) ?? "")) },
  );
}

function companionsSentence() {
  return ngettext(
    "Passed over {n} file that goes with photos: {names}",
    "Passed over {n} files that go with photos: {names}",
    companions.length,
    { names: different(companions.map(kindOf)) },
  );
}

/** Each of the names once, and not too many. @param {string[]} names */
function different(names) {
  const all = [...new Set(names)];
  return [...all.slice(0, NAMES_SHOWN), ...(all.length > NAMES_SHOWN ? ["…"] : [])].join(", ");
}

/** Say how far the new photos are on their way to being found, until all are or more come. */
async function watchEmbedding() {
  const status = byId("embedding");
  for (;;) {
    const { embedding, embedding_trouble: reason } = await get("/status");
    const waiting = embedding.pending + embedding.leased;
    if (queue.busy) return;
    if (!waiting) break;
    const prepared = ngettext(
      "{n} photo is being prepared for searching…",
      "{n} photos are being prepared for searching…",
      waiting,
    );
    status.textContent = [prepared, reason].filter(Boolean).join(" ");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  status.replaceChildren(_("Every photo can be found now."), " ", h("a", { href: "/" }, _("Draw something")));
}

collection.onchange = onCollectionChange;
for (const input of fileInputs) input.onchange = () => takeFiles(input);
byId("cancel").onclick = () => {
  queue.cancel();
  endWith(_("Cancelled"));
};
byId("pause").onclick = () => {
  if (queue.paused) queue.resume();
  else queue.pause();
  refresh();
};
byId("save").onclick = () => saveFile(outcomes.table(), "upload.csv");
dropZone(byId("drop"), async (transfer) => {
  add(
    await droppedFiles(
      transfer,
      ready.then(() => skipped),
    ),
  );
});
addEventListener("beforeunload", (event) => {
  if (queue.busy) event.preventDefault();
});

const ready = Promise.all([loadCollections(), loadRules()]);
/** What another app shared waits for a person to choose the collection. */
async function offerShared() {
  const shared = new URLSearchParams(location.search).has("shared") ? await sharedFiles() : [];
  if (!shared.length) return;
  const label = ngettext("Upload the shared picture", "Upload the {n} shared pictures", shared.length);
  const take = async () => {
    byId("shared").hidden = true;
    add(chosenFiles(shared, skipped));
    await forgetSharedFiles();
    history.replaceState(null, "", "/upload");
  };
  byId("shared").replaceChildren(
    h("p", {}, _("Choose the collection, then:")),
    h("button", { class: "primary", onclick: () => take().catch(showError) }, label),
  );
  byId("shared").hidden = false;
}

ready
  .then(() => {
    setDisabled(false, "files", "folder");
    fileInputs.forEach(takeFiles); // also those chosen too early
    return offerShared();
  })
  .catch((error) => {
    byId("progress-area").hidden = false;
    byId("summary").textContent = messageOf(error);
  });
