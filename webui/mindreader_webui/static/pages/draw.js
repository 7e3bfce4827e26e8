// The page Draw: a sketch, or a picture of one, searches; what it may mean and the photos found are shown.

import { DrawingCanvas } from "../canvas/drawing_canvas.js";
import { Sketch, asPng } from "../canvas/strokes.js";
import { Toolbar } from "../canvas/toolbar.js";
import { dropZone } from "../components/drop_zone.js";
import { placePopovers, whenOpened } from "../components/popovers.js";
import { Readings } from "../components/readings.js";
import { SearchFilters } from "../components/search_filters.js";
import { SearchLoop } from "../components/search_loop.js";
import { FIRST_RESULTS, SearchResults } from "../components/search_results.js";
import { TwoScreens } from "../components/two_screens.js";
import { call } from "../lib/api.js";
import { byId, onSubmit, setDisabled, showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";
import { read, write } from "../lib/storage.js";

/** @import { SearchAnswer } from "../../../typings/api" */
/** @import { Stroke } from "../canvas/strokes.js" */
/** @import { Answer, Asked } from "../components/search_loop.js" */
/** @import { Similar } from "../components/similar.js" */

const PICTURE = "mindreader.picture";
/** As in draw.css. */
const PHONE = matchMedia("(max-width: 40rem), (max-height: 30rem)");

const sketch = new Sketch();
const canvas = new DrawingCanvas(byId("canvas", HTMLCanvasElement), sketch);
const toolbar = new Toolbar(canvas, () => searchSketch());
const readings = new Readings(() => searchSketch());
const filters = new SearchFilters(() => searchAgain());
const results = new SearchResults(
  () => searchSketch(),
  (limit) => loop.now({ limit, live: true }),
  () => keepSearch(),
  async (photo, box) => goToSimilar((await similarModule()).similarAddress(photo, box)),
);
const screens = new TwoScreens(PHONE);
const live = byId("live", HTMLInputElement);
const loop = new SearchLoop({
  ready: () => similar !== null || hasSketch(),
  drawing: () => canvas.current !== null,
  ask: async (asked) =>
    similar ? similar.ask(asked, filters) : call("POST", "/searches", { body: await searchForm(asked) }),
  show,
  onerror: showError,
  onbusy: (busy) => byId("found").classList.toggle("busy", busy),
});

/** @type {File|null} a picture that is searched with instead of the strokes */
let picture = null;
let pictureUrl = "";
let inHistory = true; // whether the search shown is more than a stage of a drawing
/** @type {Similar|null} what searches in place of the sketch */
let similar = null;

const hasSketch = () => !sketch.empty || picture !== null;

/** Whoever picks, narrows or asks again means the sketch as it is. */
const searchAgain = () => loop.now({ limit: FIRST_RESULTS, live: false });

const searchSketch = () => (similar ? backToSketch() : searchAgain());

function refresh() {
  toolbar.refresh();
  setDisabled(!sketch.strokes.length && !picture, "clear");
  setDisabled(!hasSketch(), "search");
  byId("invitation").hidden = Boolean(sketch.strokes.length || canvas.current || picture);
  readings.draw(sketch.strokes, pictureUrl);
}

/** @param {File|null} file of black strokes on white */
function setPicture(file) {
  URL.revokeObjectURL(pictureUrl);
  picture = file;
  pictureUrl = file ? URL.createObjectURL(file) : "";
  if (file) pictures().then(({ keep }) => keep(PICTURE, file, () => picture === file), showError);
  else write(PICTURE, "");
  canvas.element.style.background = pictureUrl && `center / contain no-repeat url(${pictureUrl})`;
}

const pictures = () => import("../canvas/pictures.js");

function onSketchChange() {
  leaveSimilar();
  setPicture(null);
  readings.beginAgain();
  canvas.redraw();
  refresh();
  if (sketch.empty) showNothing();
  else if (live.checked) loop.soon({ limit: FIRST_RESULTS, live: true }, !results.photos.length);
  else loop.release();
}

/** Nothing is drawn: nothing is shown, as in the beginning. */
function showNothing() {
  loop.stop();
  readings.clear();
  results.clear();
  showParts([]).catch(showError);
  byId("answered").textContent = "";
  byId("rebuilding").hidden = byId("excluded").hidden = byId("share-result").hidden = true;
  byId("empty").hidden = false;
}

/** @param {Asked} asked */
async function searchForm(asked) {
  const form = new FormData();
  form.append("sketch", picture ?? (await asPng(sketch.strokes)), "sketch.png");
  form.append("limit", String(asked.limit));
  form.append("live", String(asked.live));
  form.append("place", String(toolbar.placeCounts));
  readings.appendTo(form);
  filters.appendTo(form);
  results.feedback.appendTo(form);
  return form;
}

/** @param {Answer} answer @param {Asked} asked */
function show(answer, { limit, live: stage }) {
  byId("empty").hidden = true;
  results.show(answer, limit);
  showParts(answer.parts).catch(showError);
  byId("excluded").hidden = Boolean(answer.results.length) || !filters.narrows;
  byId("share-result").hidden = Boolean(answer.similarTo) || !answer.results.length;
  if (answer.similarTo) {
    byId("answered").textContent = answer.results.length ? _("Photos like this, the nearest first") : "";
    byId("rebuilding").hidden = true;
    return;
  }
  if (limit === FIRST_RESULTS) inHistory = !stage;
  readings.show(answer.readings);
  byId("share-result").onclick = () => shareResult(answer).catch(showError);
  const counts = toolbar.placeCounts && answer.results.length ? [_("place and size count")] : [];
  byId("answered").textContent = [summary(answer), ...counts].join(" · ");
  showRebuilding(answer.rebuilding);
}

/** @type {import("../components/parts.js").Parts|undefined} fetched with the first sketch of several things */
let parts;

/** @param {SearchAnswer["parts"]} read */
async function showParts(read = []) {
  if (!parts && read.length < 2) return;
  const { Parts } = await import("../components/parts.js");
  await (parts ??= new Parts()).show(read);
}

/** @param {SearchAnswer} answer */
async function shareResult({ id, results: found }) {
  const { shareSearchDialog } = await import("../components/public_links.js"); // fetched when it is first needed
  shareSearchDialog(
    id,
    found.map((each) => each.photo_id),
  );
}

/** Say why photos are missing. @param {SearchAnswer["rebuilding"]} rebuilding */
function showRebuilding(rebuilding) {
  const notice = byId("rebuilding");
  notice.hidden = !rebuilding;
  if (!rebuilding) return;
  const { done, total } = rebuilding;
  const lost = _("The photo index was damaged and is being rebuilt; the photos themselves are safe.");
  const back = ngettext("{done} of {n} photo is back.", "{done} of {n} photos are back.", total, { done });
  notice.textContent = `${lost} ${back}`;
}

/** @param {SearchAnswer} answer */
function summary({ searchable: { indexed, total }, rebuilding, results: found }) {
  if (indexed < total && !rebuilding) {
    const values = { indexed };
    return ngettext(
      "{indexed} of {n} photo searchable so far",
      "{indexed} of {n} photos searchable so far",
      total,
      values,
    );
  }
  if (!found.length) return filters.narrows ? "" : _("No photos here yet.");
  return ngettext("{n} photo, the nearest first", "{n} photos, the nearest first", total);
}

/** A search made as one drew is kept in the history once it was of use, before the next one takes its place. */
function keepSearch() {
  if (inHistory || similar || !hasSketch()) return;
  inHistory = true;
  searchForm({ limit: 1, live: false })
    .then((body) => call("POST", "/searches", { body }))
    .catch(showError);
}

const similarModule = () => import("../components/similar.js");

/** Search with a photo in place of the sketch. @param {string} address */
function goToSimilar(address) {
  history.pushState(history.state, "", address);
  screens.showResults();
  return followAddress().catch(showError);
}

/** Search with what the address names, or with the sketch. */
async function followAddress() {
  const { search } = location;
  if (!new URLSearchParams(search).has("similar")) return similar ? backToSketch() : undefined;
  if (similar?.address === search) return; // only the screen is another one
  try {
    const { similarAt } = await similarModule();
    const found = await similarAt(search);
    const chip = await found.chip(backToSketch);
    if (search !== location.search) return; // somebody went on meanwhile
    byId("similar").replaceChildren(chip);
    setSimilar(found);
    searchAgain();
  } catch (error) {
    leaveSimilar();
    throw error;
  }
}

/** The sketch searches from now on. */
function leaveSimilar() {
  if (new URLSearchParams(location.search).has("similar")) history.replaceState(history.state, "", "/");
  setSimilar(null);
}

/** @param {Similar|null} found what searches in place of the sketch, if anything does */
function setSimilar(found) {
  similar = found;
  byId("similar").hidden = !found;
  byId("draw").toggleAttribute("data-similar", found !== null);
}

function backToSketch() {
  leaveSimilar();
  if (hasSketch()) searchAgain();
  else showNothing();
}

/** @param {File} file of black strokes on white */
function usePicture(file) {
  clear();
  setPicture(file);
  refresh();
  searchAgain();
}

/** @param {Stroke[]} strokes of another sketch */
function openSketch(strokes) {
  keepSearch();
  showNothing();
  sketch.replace(strokes);
}

/** Begin anew: the sketch, what was found and what was liked go; the strokes are one undo away. */
function clear() {
  keepSearch();
  if (sketch.strokes.length) sketch.clear();
  else onSketchChange();
}

function search() {
  searchSketch();
  screens.showResults();
}

sketch.onchange = onSketchChange;
canvas.onstart = refresh;
canvas.onend = (/** @type {boolean} */ kept) => {
  if (!kept) loop.release();
};
placePopovers(document.body);
const savedSketches = whenOpened("save-or-share", async () => {
  const { SavedSketches } = await import("../canvas/saved_sketches.js");
  return new SavedSketches(() => sketch.strokes, openSketch);
});
onSubmit(byId("save-sketch-form", HTMLFormElement), async () => (await savedSketches()).save());
whenOpened("history", async () => {
  const { SearchHistory } = await import("../components/search_history.js");
  return new SearchHistory(usePicture);
});
const openPicture = (/** @type {File|undefined} */ opened) =>
  opened &&
  pictures()
    .then(({ openFile }) => openFile(opened, openSketch, usePicture))
    .catch(showError);
byId("search").onclick = search;
byId("clear").onclick = clear;
canvas.element.addEventListener("keydown", (event) => event.key === "Enter" && search());
document.addEventListener("keydown", (event) => {
  const open = document.querySelector("dialog[open], :popover-open");
  if (event.key === "Escape" && !open && !results.selects) readings.letGo();
});
const file = byId("file", HTMLInputElement);
file.onchange = () => {
  openPicture(file.files?.[0]);
  file.value = "";
};
addEventListener("popstate", () => followAddress().catch(showError));
dropZone(byId("sheet"), (transfer) => openPicture(transfer.files[0]));

async function start() {
  await toolbar.openLink();
  const kept = sketch.strokes.length ? "" : read(PICTURE);
  if (kept) setPicture((await pictures()).kept(kept));
  refresh();
  const isSimilar = new URLSearchParams(location.search).has("similar");
  screens.restore(hasSketch() || isSimilar);
  if (isSimilar) screens.showResults();
  await filters.load();
  if (isSimilar) await followAddress();
  if (new URLSearchParams(location.search).has("shared")) await openShared();
}

/** The picture that another app shared, once. */
async function openShared() {
  const { forgetSharedFiles, sharedFiles } = await import("../lib/shared_files.js");
  const [shared] = await sharedFiles();
  await forgetSharedFiles();
  history.replaceState(null, "", "/");
  openPicture(shared);
}

start()
  .catch(showError)
  .then(() => live.checked && !similar && loop.now({ limit: FIRST_RESULTS, live: true }));
