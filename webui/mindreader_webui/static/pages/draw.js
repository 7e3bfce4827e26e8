// The page Draw: a sketch, or a picture of one, searches; images imagined from it and the photos found are shown.

import { DrawingCanvas } from "../canvas/drawing_canvas.js";
import { SavedSketches } from "../canvas/saved_sketches.js";
import { Sketch, asPng } from "../canvas/strokes.js";
import { Toolbar } from "../canvas/toolbar.js";
import { dropZone } from "../components/drop_zone.js";
import { ImaginaryImages } from "../components/imaginary_images.js";
import { SearchFilters } from "../components/search_filters.js";
import { SearchHistory } from "../components/search_history.js";
import { SearchResults } from "../components/search_results.js";
import { call } from "../lib/api.js";
import { byId, setDisabled, showError } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { SearchAnswer } from "../../../typings/api" */

const WAIT_AFTER_STROKE_MS = 500;
const MOST_RESULTS = 40;

const sketch = new Sketch();
const canvas = new DrawingCanvas(byId("canvas", HTMLCanvasElement), sketch);
const toolbar = new Toolbar(canvas);
const images = new ImaginaryImages(search);
const filters = new SearchFilters(search);
const results = new SearchResults(search);
const live = byId("live", HTMLInputElement);

/** @type {File|null} a picture that is searched with instead of the strokes */
let picture = null;
let searching = false;
let changedMeanwhile = false;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let searchTimer;

const hasSketch = () => !sketch.empty || picture !== null;

function refresh() {
  toolbar.refresh();
  setDisabled(!sketch.strokes.length && !picture, "clear");
  setDisabled(!hasSketch(), "search");
  byId("invitation").hidden = Boolean(sketch.strokes.length || canvas.current || picture);
}

function onSketchChange() {
  picture = null;
  images.reset();
  canvas.element.style.background = "";
  canvas.redraw();
  refresh();
  clearTimeout(searchTimer);
  if (!sketch.empty && live.checked) searchTimer = setTimeout(search, WAIT_AFTER_STROKE_MS);
}

/** One search at a time: what changes meanwhile is searched once this one is answered, only in its newest form. */
async function search() {
  clearTimeout(searchTimer);
  if (!hasSketch()) return;
  changedMeanwhile = searching;
  if (searching) return;
  searching = true;
  byId("found").classList.add("busy");
  do {
    changedMeanwhile = false;
    try {
      const answer = await call("POST", "/searches", { body: await searchForm() });
      if (!changedMeanwhile) show(answer);
    } catch (error) {
      showError(error);
    }
  } while (changedMeanwhile && hasSketch());
  searching = false;
  byId("found").classList.remove("busy");
}

async function searchForm() {
  const form = new FormData();
  form.append("sketch", picture ?? (await asPng(sketch.strokes)), "sketch.png");
  form.append("limit", String(MOST_RESULTS));
  images.appendTo(form);
  filters.appendTo(form);
  results.feedback.appendTo(form);
  return form;
}

/** @param {SearchAnswer} answer */
function show(answer) {
  byId("imagination").hidden = false;
  byId("empty").hidden = true;
  images.show(answer.imaginary_images);
  results.show(answer);
  byId("share-result").hidden = !answer.results.length;
  byId("share-result").onclick = () => shareResult(answer).catch(showError);
  byId("answered").textContent = summary(answer).join(" · ");
  showRebuilding(answer.rebuilding);
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
function summary({ model_version: version, searchable: { indexed, total }, rebuilding, results: found }) {
  const parts = [_("Answered by {name}", { name: version.name })];
  if (indexed < total && !rebuilding) {
    const values = { indexed };
    parts.push(
      ngettext("{indexed} of {n} photo searchable so far", "{indexed} of {n} photos searchable so far", total, values),
    );
  }
  if (!found.length)
    parts.push(filters.narrows ? _("No photos here fit what is chosen under Which photos.") : _("No photos here yet."));
  return parts;
}

/** @param {File} file of black strokes on white */
function usePicture(file) {
  sketch.clear();
  picture = file;
  canvas.element.style.background = `center / contain no-repeat url(${URL.createObjectURL(file)})`;
  refresh();
  search();
}

/** @type {Promise<import("../components/picture_dialog.js").PictureDialog>|undefined} fetched when it is first needed */
let dialog;

/** @param {File} opened */
async function pictureDialog(opened) {
  dialog ??= import("../components/picture_dialog.js").then(({ PictureDialog }) => new PictureDialog(usePicture));
  dialog.catch(() => (dialog = undefined)); // without a connection; the next picture asks again
  await (await dialog).open(opened);
}

sketch.onchange = onSketchChange;
canvas.onstart = refresh;
new SavedSketches(
  () => sketch.strokes,
  (strokes) => sketch.replace(strokes),
);
new SearchHistory(usePicture);
const openPicture = (/** @type {File|undefined} */ opened) => opened && pictureDialog(opened).catch(showError);
byId("search").onclick = search;
byId("clear").onclick = () => {
  if (sketch.strokes.length) sketch.clear();
  else onSketchChange();
};
const file = byId("file", HTMLInputElement);
file.onchange = () => {
  openPicture(file.files?.[0]);
  file.value = "";
};
dropZone(byId("sheet"), (transfer) => openPicture(transfer.files[0]));

async function start() {
  refresh();
  await toolbar.openLink();
  await filters.load();
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
  .then(() => (live.checked && !sketch.empty ? search() : undefined));
