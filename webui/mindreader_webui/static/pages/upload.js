// The page Upload: many files and folders, one outcome each; pauses, lost connections and closed tabs lose nothing.

import { call, get } from "../lib/api.js";
import { byId, make } from "../lib/dom.js";
import { Connection } from "../upload/connection.js";
import { chosenFiles, droppedFiles } from "../upload/files.js";
import { Outcomes } from "../upload/outcomes.js";
import { UploadQueue } from "../upload/queue.js";
import { _, ngettext } from "../lib/i18n.js";

let total = 0;
/** @type {Promise<number>|null} */
let target = null;
/** @type {string} */
let trouble = "";

const outcomes = new Outcomes(byId("outcomes"));
const connection = new Connection((away) => { trouble = away ? _("The connection is gone. It is tried again and again; nothing is lost.") : ""; refresh(); });
const queue = new UploadQueue(connection, {
  outcome: (outcome) => { outcomes.add(outcome); soon(); },
  idle: () => { refresh(); finished().catch(() => {}); },
  stopped: (error) => { target = null; total = outcomes.all.length; trouble = error.message; refresh(); },
});

async function loadCollections() {
  const { collections } = await get("/collections");
  const mine = collections.filter((/** @type {any} */ c) => c.mine);
  byId("collection").append(...mine.map((/** @type {any} */ c) => make("option", { value: c.id }, c.name)), make("option", { value: "" }, _("A new collection…")));
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
  target ??= byId("collection").value ? Promise.resolve(Number(byId("collection").value)) : newCollection(byId("new-name").value.trim() || _("My photos"));
  target.catch(() => {}); // the queue says it
  return target;
}

/** Made once, even when the answer was lost and it is asked for again. @param {string} name @returns {Promise<number>} */
async function newCollection(name) {
  const { signal } = new AbortController();
  const made = await connection.insist(() => call("POST", "/collections", { name }), signal).catch(async (error) => {
    const { collections } = await connection.insist(() => get("/collections"), signal);
    const mine = collections.find((/** @type {any} */ c) => c.mine && c.name === name);
    if (!mine) throw error;
    return mine;
  });
  if (![...byId("collection").options].some((option) => option.value === String(made.id))) byId("collection").prepend(make("option", { value: made.id }, made.name));
  byId("collection").value = String(made.id);
  byId("new-label").hidden = true;
  return made.id;
}

/** @param {import("../upload/files.js").Found[]} found */
function add(found) {
  if (!found.length) return;
  const labelled = byId("categories").checked;
  const everywhere = byId("everywhere").checked;
  const into = collectionId();
  total += found.length;
  trouble = "";
  byId("progress-area").hidden = false;
  byId("embedding").textContent = "";
  queue.add(found.map(({ file, folder }) => ({ file, category: labelled ? folder : "", target: into, everywhere })));
  refresh();
}

/** @param {HTMLInputElement} input */
function taken(input) {
  if (input.files) add(chosenFiles(input.files));
  input.value = "";
}

let asked = 0;
/** Before the next frame, once: outcomes come faster than anyone can read. */
function soon() { asked ||= requestAnimationFrame(() => { asked = 0; refresh(); }); }

function refresh() {
  byId("progress").value = total ? outcomes.all.length / total : 0;
  byId("summary").textContent = [outcomes.sentence(total), trouble].filter(Boolean).join(". ");
  byId("pause").hidden = byId("cancel").hidden = !queue.busy;
  byId("pause").textContent = queue.paused ? _("Resume") : _("Pause");
  byId("save").hidden = !outcomes.all.length || queue.busy;
}

async function finished() {
  for (;;) {
    const { embedding } = await get("/status");
    const waiting = embedding.pending + embedding.leased;
    if (queue.busy) return;
    if (!waiting) break;
    byId("embedding").textContent = ngettext("{n} photo is being prepared for searching…", "{n} photos are being prepared for searching…", waiting);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  byId("embedding").replaceChildren(_("Every photo can be found now."), " ", make("a", { href: "/" }, _("Draw something")));
}

byId("collection").onchange = chooseCollection;
for (const name of ["files", "folder"]) byId(name).onchange = () => taken(byId(name));
byId("cancel").onclick = () => { queue.cancel(); total = outcomes.all.length; trouble = _("Cancelled"); refresh(); };
byId("pause").onclick = () => { if (queue.paused) queue.resume(); else queue.pause(); refresh(); };
byId("save").onclick = () => {
  const url = URL.createObjectURL(outcomes.table());
  make("a", { href: url, download: "upload.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};

const drop = byId("drop");
drop.addEventListener("dragover", (/** @type {DragEvent} */ event) => { event.preventDefault(); drop.classList.add("dropping"); });
drop.addEventListener("dragleave", () => drop.classList.remove("dropping"));
drop.addEventListener("drop", async (/** @type {DragEvent} */ event) => {
  event.preventDefault();
  drop.classList.remove("dropping");
  if (!event.dataTransfer) return;
  const [found] = await Promise.all([droppedFiles(event.dataTransfer), ready]);
  add(found);
});
addEventListener("beforeunload", (event) => { if (queue.busy) event.preventDefault(); });

const ready = loadCollections();
ready.then(() => {
  for (const name of ["files", "folder"]) { byId(name).disabled = false; taken(byId(name)); } // also those chosen too early
}).catch((error) => { byId("progress-area").hidden = false; byId("summary").textContent = error.message; });
