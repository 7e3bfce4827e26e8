// The page Draw: sketch, imaginary images, results.

import { call, get } from "./api.js";
import { Easel } from "./canvas/easel.js";
import { Sketch, asPng } from "./canvas/strokes.js";
import { byId, counted, make, say } from "./dom.js";
import { tile, view } from "./viewer.js";

const WAIT_AFTER_STROKE = 500;

const sketch = new Sketch();
const easel = new Easel(byId("canvas"), sketch);
const found = /** @type {HTMLElement} */ (document.querySelector(".found"));

let seed = 0;
let chosen = 0;
/** @type {Blob|null} a picture that is searched with instead of the strokes */
let picture = null;
/** @type {AbortController|null} */
let running = null;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let waiting;
/** @type {any[]} */
let collections = [];

/** @param {"pen"|"eraser"} tool */
function take(tool) {
  easel.tool = tool;
  for (const name of ["pen", "eraser"]) byId(name).setAttribute("aria-pressed", String(name === tool));
}

function refreshTools() {
  byId("undo").disabled = !sketch.past.length;
  byId("redo").disabled = !sketch.future.length;
  byId("clear").disabled = !sketch.strokes.length && !picture;
  byId("search").disabled = sketch.empty && !picture;
  byId("invitation").hidden = Boolean(sketch.strokes.length || easel.current || picture);
}

function changed() {
  picture = null;
  seed = chosen = 0;
  byId("canvas").removeAttribute("data-picture");
  byId("canvas").style.backgroundImage = "";
  easel.redraw();
  refreshTools();
  clearTimeout(waiting);
  if (sketch.empty) running?.abort();
  else if (byId("live").checked) waiting = setTimeout(search, WAIT_AFTER_STROKE);
}

/** One search at a time: the newest one wins. */
async function search() {
  clearTimeout(waiting);
  if (sketch.empty && !picture) return;
  running?.abort();
  const mine = running = new AbortController();
  found.classList.add("busy");
  try {
    const form = new FormData();
    form.append("sketch", picture ?? await asPng(sketch.strokes), "sketch.png");
    form.append("limit", "40");
    form.append("seed", String(seed));
    form.append("chosen", String(chosen));
    if (byId("collection").value) form.append("collection_id", byId("collection").value);
    if (byId("category").value) form.append("category", byId("category").value);
    show(await call("POST", "/searches", form, mine.signal));
  } catch (error) {
    if (!mine.signal.aborted) say(/** @type {Error} */ (error).message);
  } finally {
    if (running === mine) found.classList.remove("busy");
  }
}

/** @param {any} answer */
function show(answer) {
  const images = answer.imaginary_images;
  byId("imagination").hidden = false;
  byId("empty").hidden = true;
  byId("imaginary").replaceChildren(...images.map((/** @type {any} */ image, /** @type {number} */ i) => make("button", {
    role: "radio", "aria-checked": String(i === chosen), title: "Search with this imaginary image",
    onclick: () => { chosen = i; search(); },
  }, make("img", { src: image.url, alt: `Imaginary image ${i + 1} of ${images.length}`, width: 128, height: 128 }))));
  const { indexed, total } = answer.searchable;
  const incomplete = indexed < total ? ` · ${indexed} of ${counted(total, "photo", "photos")} searchable so far` : "";
  const nothing = answer.results.length ? "" : " · No photos here yet.";
  byId("answered").textContent = `Answered by ${answer.model_version.name}${incomplete}${nothing}`;
  byId("results").replaceChildren(...answer.results.map((/** @type {any} */ photo) =>
    tile(photo, view, `similarity ${photo.score.toFixed(2)} · ${photo.collection}`)));
}

/** @param {File|undefined} file */
function usePicture(file) {
  if (!file) return;
  if (!file.type.startsWith("image/")) { say("That is no picture. Drop an image of a drawing."); return; }
  sketch.clear();
  picture = file;
  const url = URL.createObjectURL(file);
  Object.assign(byId("canvas").style, { backgroundImage: `url(${url})`, backgroundSize: "contain", backgroundPosition: "center", backgroundRepeat: "no-repeat" });
  refreshTools();
  search();
}

async function loadFilters() {
  collections = (await get("/collections")).collections;
  byId("collection").append(...collections.map((c) => make("option", { value: c.id }, c.name)));
  refreshCategories();
}

function refreshCategories() {
  const within = collections.filter((c) => !byId("collection").value || String(c.id) === byId("collection").value);
  const names = [...new Set(within.flatMap((c) => c.categories.map((/** @type {any} */ k) => k.name)))].sort();
  byId("category").replaceChildren(make("option", { value: "" }, "All"), ...names.map((name) => make("option", { value: name }, name)));
}

sketch.onchange = changed;
easel.onstart = refreshTools;
byId("pen").onclick = () => take("pen");
byId("eraser").onclick = () => take("eraser");
byId("undo").onclick = () => sketch.undo();
byId("redo").onclick = () => sketch.redo();
byId("clear").onclick = () => { if (picture && !sketch.strokes.length) changed(); sketch.clear(); };
byId("width").oninput = () => { easel.width = Number(byId("width").value); };
byId("search").onclick = search;
byId("again").onclick = () => { seed += 100; chosen = 0; search(); };
byId("collection").onchange = () => { refreshCategories(); search(); };
byId("category").onchange = search;
byId("file").onchange = () => { usePicture(byId("file").files[0]); byId("file").value = ""; };

const sheet = /** @type {HTMLElement} */ (document.querySelector(".sheet"));
sheet.addEventListener("dragover", (event) => { event.preventDefault(); sheet.classList.add("dropping"); });
sheet.addEventListener("dragleave", () => sheet.classList.remove("dropping"));
sheet.addEventListener("drop", (event) => {
  event.preventDefault();
  sheet.classList.remove("dropping");
  usePicture(event.dataTransfer?.files[0]);
});

/** @type {Record<string, () => void>} */
const KEYS = {
  b: () => take("pen"), e: () => take("eraser"),
  "[": () => { byId("width").stepDown(); byId("width").oninput(); },
  "]": () => { byId("width").stepUp(); byId("width").oninput(); },
};
document.addEventListener("keydown", (event) => {
  if (/** @type {HTMLElement} */ (event.target).matches("input:not([type=range]), select, textarea")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    if (event.shiftKey) sketch.redo(); else sketch.undo();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey) KEYS[event.key.toLowerCase()]?.();
});

refreshTools();
loadFilters().catch((error) => say(error.message)).then(() => { if (!sketch.empty && byId("live").checked) search(); });
