// The page Draw: sketch, imaginary images, results.

import { call, get } from "../lib/api.js";
import { Easel } from "../canvas/easel.js";
import { Kept } from "../canvas/benchmark_sketches.js";
import { MOVES, fitted, shape } from "../canvas/shapes.js";
import { asLink, asSvg, download, fromLink } from "../canvas/export.js";
import { Sketch, asPng } from "../canvas/strokes.js";
import { byId, make, say } from "../lib/dom.js";
import { Results } from "../components/results.js";
import { _, ngettext } from "../lib/i18n.js";

const WAIT_AFTER_STROKE = 500;
const FOUND = 40;
const BY_SKETCH = -1;

const sketch = new Sketch();
const easel = new Easel(byId("canvas"), sketch);
const results = new Results(search);
const found = /** @type {HTMLElement} */ (document.querySelector(".found"));

let seed = 0;
let chosen = 0;
/** @type {Blob|null} a picture that is searched with instead of the strokes */
let picture = null;
let running = false;
let again = false;
/** @type {number|null} */
let older = null;
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
  for (const id of ["fit", "keep-it", "link", "png", "svg"]) byId(id).disabled = sketch.empty;
  byId("invitation").hidden = Boolean(sketch.strokes.length || easel.current || picture);
}

function fit() { if (!sketch.empty) sketch.replace(fitted(sketch.strokes)); }

function changed() {
  picture = null;
  seed = chosen = 0;
  byId("canvas").removeAttribute("data-picture");
  byId("canvas").style.backgroundImage = "";
  easel.redraw();
  refreshTools();
  clearTimeout(waiting);
  if (!sketch.empty && byId("live").checked) waiting = setTimeout(search, WAIT_AFTER_STROKE);
}

/** One search at a time: what changes meanwhile is searched once this one is answered, only in its newest form. */
async function search() {
  clearTimeout(waiting);
  if (sketch.empty && !picture) return;
  if (running) { again = true; return; }
  running = true;
  found.classList.add("busy");
  do {
    again = false;
    try {
      const answer = await call("POST", "/searches", await form());
      if (!again) show(answer);
    } catch (error) { say(/** @type {Error} */ (error).message); }
  } while (again && !(sketch.empty && !picture));
  running = false;
  found.classList.remove("busy");
}

async function form() {
  const sent = new FormData();
  sent.append("sketch", picture ?? await asPng(sketch.strokes), "sketch.png");
  sent.append("limit", String(FOUND));
  sent.append("seed", String(seed));
  sent.append("chosen", String(chosen < 0 ? 0 : chosen));
  sent.append("by_sketch", String(chosen === BY_SKETCH));
  if (byId("collection").value) sent.append("collection_id", byId("collection").value);
  if (byId("category").value) sent.append("category", byId("category").value);
  if (byId("taken-from").value) sent.append("taken_from", byId("taken-from").value);
  if (byId("taken-until").value) sent.append("taken_until", byId("taken-until").value);
  for (const [id, { way }] of results.leading) sent.append(way, String(id));
  return sent;
}

/** @param {any} answer */
function show(answer) {
  const images = answer.imaginary_images;
  byId("imagination").hidden = false;
  byId("empty").hidden = true;
  const choice = (/** @type {number} */ place, /** @type {string} */ title, /** @type {HTMLElement} */ inside) => make("button", {
    role: "radio", "aria-checked": String(place === chosen), title, tabindex: place === chosen ? 0 : -1,
    onclick: () => { chosen = place; search(); },
  }, inside);
  const focused = byId("imaginary").contains(document.activeElement);
  byId("imaginary").replaceChildren(
    ...images.map((/** @type {any} */ image, /** @type {number} */ i) => choice(i, _("Search with this imaginary image"),
      make("img", { src: image.url, alt: _("Imaginary image {i} of {n}", { i: i + 1, n: images.length }), width: 128, height: 128 }))),
    choice(BY_SKETCH, _("Search with your sketch as it is"), make("span", { class: "as-it-is" }, _("The sketch as it is"))),
  );
  if (focused) byId("imaginary").querySelector('[aria-checked="true"]')?.focus();
  const { indexed, total } = answer.searchable;
  const about = [_("Answered by {name}", { name: answer.model_version.name })];
  if (indexed < total) about.push(ngettext("{indexed} of {n} photo searchable so far", "{indexed} of {n} photos searchable so far", total, { indexed }));
  if (!answer.results.length) about.push(_("No photos here yet."));
  byId("answered").textContent = about.join(" · ");
  results.show(answer);
}

async function showEarlier() {
  const page = await get(`/searches?limit=24${older ? `&after=${older}` : ""}`);
  if (!older) byId("earlier").replaceChildren();
  older = page.next;
  byId("older").hidden = older === null;
  byId("earlier").append(...page.searches.map((/** @type {any} */ past) => make("li", {}, make("button", { title: new Date(past.created_at).toLocaleString(), onclick: () => reuse(past) },
    make("img", { src: past.sketch_url, alt: _("Sketch of {date}", { date: new Date(past.created_at).toLocaleString() }), loading: "lazy", width: 72, height: 72 })))));
  byId("forget").hidden = byId("earlier").children.length === 0;
}

/** @param {any} past */
async function reuse(past) {
  const content = await (await fetch(past.sketch_url)).blob();
  usePicture(new File([content], "sketch.png", { type: "image/png" }));
}

/** @param {File|undefined} file */
function usePicture(file) {
  if (!file) return;
  if (!file.type.startsWith("image/")) { say(_("That is no picture. Drop an image of a drawing.")); return; }
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
  byId("category").replaceChildren(make("option", { value: "" }, _("All")), ...names.map((name) => make("option", { value: name }, name)));
}

/** Search in other photos; the drawer says which, also while it is closed. */
function narrow() {
  const [collection, category] = ["collection", "category"].map((id) => byId(id).value && byId(id).selectedOptions[0].textContent);
  const [from, until] = ["taken-from", "taken-until"].map((id) => byId(id).valueAsDate?.toLocaleDateString(undefined, { timeZone: "UTC" }));
  const chosen = [collection, category, from && _("from {date}", { date: from }), until && _("until {date}", { date: until })].filter(Boolean);
  byId("narrowed").textContent = chosen.length ? `: ${chosen.join(", ")}` : "";
  search();
}

sketch.onchange = changed;
new Kept(() => sketch.strokes, (strokes) => sketch.replace(strokes));
easel.onstart = refreshTools;
byId("pen").onclick = () => take("pen");
byId("eraser").onclick = () => take("eraser");
byId("undo").onclick = () => sketch.undo();
byId("redo").onclick = () => sketch.redo();
byId("fit").onclick = fit;
byId("clear").onclick = () => { if (picture && !sketch.strokes.length) changed(); sketch.clear(); };
byId("width").oninput = () => { easel.width = Number(byId("width").value); };
byId("search").onclick = search;
byId("again").onclick = () => { seed += 100; chosen = 0; search(); };
byId("imaginary").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const choices = [...byId("imaginary").children];
  choices[(choices.indexOf(document.activeElement) + step + choices.length) % choices.length].click();
});
byId("shape").onchange = () => {
  if (byId("shape").value) sketch.add(shape(byId("shape").value, easel.width));
  byId("shape").value = "";
  byId("canvas").focus();
};
byId("canvas").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  const last = sketch.strokes.at(-1);
  if (!last || !MOVES[event.key]) return;
  event.preventDefault();
  sketch.replace([...sketch.strokes.slice(0, -1), MOVES[event.key](last)]);
});
byId("link").onclick = async () => {
  const link = await asLink(sketch.strokes);
  if (!link) { say(_("This sketch is too long for a link. Save it as SVG instead.")); return; }
  await navigator.clipboard.writeText(link).then(() => say(_("The link is copied. Whoever opens it sees this sketch, and searches what they may see.")), () => { location.hash = new URL(link).hash; say(_("The link stands in the address bar: copy it from there.")); });
};
byId("png").onclick = async () => download(await asPng(sketch.strokes, 1024), "sketch.png");
byId("svg").onclick = () => download(new Blob([asSvg(sketch.strokes)], { type: "image/svg+xml" }), "sketch.svg");
byId("history").addEventListener("toggle", () => { if (byId("history").open) { older = null; showEarlier().catch(failed); } });
byId("older").onclick = () => showEarlier().catch(failed);
byId("forget").onclick = () => call("DELETE", "/searches").then(() => { older = null; return showEarlier(); }).catch(failed);
byId("collection").onchange = () => { refreshCategories(); narrow(); };
for (const id of ["category", "taken-from", "taken-until"]) byId(id).onchange = narrow;
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
  b: () => take("pen"), e: () => take("eraser"), f: fit,
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

/** @param {Error} error */
function failed(error) { say(error.message); }

/** A link may bring a sketch; the one that was here is one undo away. */
async function openLink() {
  const strokes = await fromLink(location.hash);
  if (location.hash.startsWith("#sketch=")) history.replaceState(null, "", location.pathname);
  if (strokes) sketch.replace(strokes);
}

refreshTools();
window.addEventListener("hashchange", openLink);
openLink().then(loadFilters).catch(failed).then(() => { if (!sketch.empty && byId("live").checked) search(); });
