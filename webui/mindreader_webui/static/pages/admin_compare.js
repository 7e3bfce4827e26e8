// The page Compare: two model versions side by side.

import { DrawingCanvas } from "../canvas/drawing_canvas.js";
import { Sketch, asPng } from "../canvas/strokes.js";
import { frameTile, framesStyle } from "../components/found_frames.js";
import { photoTile } from "../components/viewer.js";
import { call, get } from "../lib/api.js";
import { byId, h, setDisabled, showError } from "../lib/dom.js";
import { formatCategory, formatNumber, formatPercent } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { BenchmarkSketch, ComparedSketch, ComparedVersion, Comparison } from "../../../typings/api" */

const MOST_RESULTS = 20;
const MOST_RESULTS_OF_MANY_SKETCHES = 6;

const sketch = new Sketch();
const canvas = new DrawingCanvas(byId("canvas", HTMLCanvasElement), sketch);
const versions = [byId("first", HTMLSelectElement), byId("second", HTMLSelectElement)];
const name = byId("name", HTMLInputElement);
const category = byId("category", HTMLInputElement);
const answer = byId("answer");
/** @type {BenchmarkSketch[]} */
let benchmark = [];
let isComparable = false;

async function load() {
  const [{ models }, { spaces }] = await Promise.all([get("/models"), get("/spaces")]);
  const open = new Set(spaces.filter(({ state }) => state === "open").map(({ id }) => id));
  const ready = models.filter((model) => open.has(model.space_id));
  const wanted = new URLSearchParams(location.search);
  for (const [place, select] of versions.entries()) {
    const title = (/** @type {typeof ready[number]} */ model) =>
      model.active ? _("{name} (active)", { name: model.name }) : model.name;
    select.replaceChildren(...ready.map((model) => h("option", { value: model.id }, title(model))));
    select.value = wanted.get(select.id) ?? String((ready[place] ?? ready[0])?.id ?? "");
  }
  isComparable = ready.length > 1;
  byId("single").hidden = isComparable;
  await loadBenchmark();
}

async function loadBenchmark() {
  benchmark = (await get("/benchmark-sketches")).sketches;
  byId("saved").replaceChildren(...benchmark.map(chip));
  refresh();
}

/** @param {BenchmarkSketch} each */
function chip(each) {
  const forget = () =>
    call("DELETE", "/benchmark-sketches/{benchmark_sketch_id}", { path: { benchmark_sketch_id: each.id } })
      .then(loadBenchmark)
      .catch(showError);
  const label = _("Forget {name}", { name: each.name });
  const attributes = { type: "button", class: "quiet small", "aria-label": label, onclick: forget };
  return h("li", {}, `${titleOf(each)} `, h("button", attributes, "×"));
}

/** @param {{name: string, category: string|null}} sketch */
const titleOf = ({ name, category }) => (category ? `${name} → ${formatCategory(category)}` : name);

function refresh() {
  setDisabled(!sketch.strokes.length, "undo", "clear");
  setDisabled(sketch.empty || !isComparable, "ask");
  setDisabled(benchmark.length === 0 || !isComparable, "ask-saved");
  setDisabled(sketch.empty || !name.value.trim(), "save");
  byId("invitation").hidden = Boolean(sketch.strokes.length || canvas.current);
}

/** @param {Blob|null} png all benchmark sketches if there is none */
async function compare(png) {
  const form = new FormData();
  if (png) form.append("sketch", png, "sketch.png");
  for (const { value } of versions) form.append("model_version_id", value);
  answer.replaceChildren(h("p", { class: "hint" }, _("Asking both…")));
  try {
    const [comparison] = await Promise.all([call("POST", "/comparisons", { body: form }), framesStyle()]);
    show(comparison);
  } catch (error) {
    answer.replaceChildren();
    showError(error);
  }
}

/** @param {Comparison} comparison */
function show(comparison) {
  const overlap = formatPercent(comparison.mean_overlap);
  const isSingle = comparison.sketches.length === 1;
  const isJudged = comparison.versions.some(({ precision }) => Object.keys(precision).length);
  const judged = _("Right are photos of the category a sketch should find; those without a category do not count.");
  answer.replaceChildren(
    h("p", {}, _("{share} of all photos found were found by both.", { share: overlap })),
    h("div", { class: "pair" }, ...comparison.versions.map(versionCard)),
    ...(isJudged ? [h("p", { class: "hint" }, judged)] : []),
    ...comparison.sketches.flatMap((each) => (isSingle ? [pair(each, MOST_RESULTS)] : titledPair(each))),
  );
}

/** @param {ComparedVersion} version */
function versionCard({ name, median_milliseconds: milliseconds, searchable: { indexed, total }, precision }) {
  const facts = [
    `${Math.round(milliseconds)} ms`,
    ngettext("{indexed} of {n} photo searchable", "{indexed} of {n} photos searchable", total, { indexed }),
    ...Object.entries(precision).map(([k, share]) =>
      _("{share} right among the first {k}", { share: formatPercent(share), k }),
    ),
  ];
  return h("section", { class: "card" }, h("h2", {}, name), h("p", { class: "hint" }, facts.join(" · ")));
}

/** @param {ComparedSketch} each */
function titledPair(each) {
  const overlap = _("{share} in common", { share: formatPercent(each.overlap) });
  const heading = h("h3", {}, titleOf(each), h("span", { class: "hint" }, " ", overlap));
  return [heading, pair(each, MOST_RESULTS_OF_MANY_SKETCHES)];
}

/** @param {ComparedSketch} each @param {number} most */
const pair = ({ answers }, most) => h("div", { class: "pair" }, ...answers.map((one) => column(one, most)));

/** @param {ComparedSketch["answers"][number]} answer @param {number} most */
function column({ imaginary_url: url, results }, most) {
  const image = h("img", { class: "imagined", src: url, alt: _("Imaginary image"), width: 128, height: 128 });
  const tiles = results.slice(0, most).map((photo) => {
    const tile = photoTile(photo, _("similarity {score}", { score: formatNumber(photo.score, 2) }));
    frameTile(tile, photo);
    return tile;
  });
  return h("div", {}, image, h("ol", { class: "grid small" }, ...tiles));
}

async function save() {
  const form = new FormData();
  form.append("sketch", await asPng(sketch.strokes), "sketch.png");
  form.append("name", name.value);
  form.append("category", category.value);
  await call("POST", "/benchmark-sketches", { body: form });
  name.value = category.value = "";
  await loadBenchmark();
}

sketch.onchange = () => {
  canvas.redraw();
  refresh();
};
canvas.onstart = refresh;
name.oninput = refresh;
byId("undo").onclick = () => sketch.undo();
byId("clear").onclick = () => sketch.clear();
byId("compare").addEventListener("submit", async (event) => {
  event.preventDefault();
  await compare(await asPng(sketch.strokes));
});
byId("ask-saved").onclick = () => compare(null);
byId("save").onclick = () => save().catch(showError);
load().catch(showError);
