// The page Compare: two model versions side by side.

import { call, get } from "../lib/api.js";
import { Easel } from "../canvas/easel.js";
import { Sketch, asPng } from "../canvas/strokes.js";
import { byId, make, say } from "../lib/dom.js";
import { tile, view } from "../components/viewer.js";
import { _, ngettext } from "../lib/i18n.js";

const SHOWN_OF_MANY = 6;

const sketch = new Sketch();
const easel = new Easel(byId("canvas"), sketch);
/** @type {any[]} */
let saved = [];

async function load() {
  const [{ models }, { spaces }] = await Promise.all([get("/models"), get("/spaces")]);
  const open = new Set(spaces.filter((/** @type {any} */ space) => space.state === "open").map((/** @type {any} */ space) => space.id));
  const options = models.filter((/** @type {any} */ model) => open.has(model.space_id));
  const asked = new URLSearchParams(location.search);
  for (const [place, id] of ["first", "second"].entries()) {
    byId(id).replaceChildren(...options.map((/** @type {any} */ model) => make("option", { value: model.id }, model.active ? _("{name} (active)", { name: model.name }) : model.name)));
    byId(id).value = asked.get(id) ?? String(options[place]?.id ?? options[0]?.id ?? "");
  }
  if (options.length < 2) say(_("There is only one version whose photos are embedded. Build another one first."));
  await loadSaved();
}

async function loadSaved() {
  saved = (await get("/benchmark-sketches")).sketches;
  byId("saved").replaceChildren(...saved.map((each) => make("li", {}, each.category ? `${each.name} → ${each.category} ` : `${each.name} `,
    make("button", { type: "button", class: "quiet small", "aria-label": _("Forget {name}", { name: each.name }), onclick: () => call("DELETE", `/benchmark-sketches/${each.id}`).then(loadSaved).catch(failed) }, "×"))));
  refresh();
}

function refresh() {
  byId("undo").disabled = byId("clear").disabled = !sketch.strokes.length;
  byId("ask").disabled = sketch.empty;
  byId("ask-saved").disabled = saved.length === 0;
  byId("save").disabled = sketch.empty || !byId("name").value.trim();
  byId("invitation").hidden = Boolean(sketch.strokes.length || easel.current);
}

/** @param {Blob|null} png */
async function compare(png) {
  const form = new FormData();
  if (png) form.append("sketch", png, "sketch.png");
  for (const id of ["first", "second"]) form.append("model_version_id", byId(id).value);
  byId("answer").replaceChildren(make("p", { class: "hint" }, _("Asking both…")));
  try { show(await call("POST", "/comparisons", form)); } catch (error) { byId("answer").replaceChildren(); failed(/** @type {Error} */ (error)); }
}

const percent = (/** @type {number} */ share) => share.toLocaleString(undefined, { style: "percent" });

/** @param {any} answer */
function show(answer) {
  const single = answer.sketches.length === 1;
  const heads = answer.versions.map((/** @type {any} */ version) => make("section", { class: "card" }, make("h2", {}, version.name),
    make("p", { class: "hint" }, [`${Math.round(version.median_milliseconds)} ms`, ngettext("{indexed} of {n} photo searchable", "{indexed} of {n} photos searchable", version.searchable.total, { indexed: version.searchable.indexed }),
      ...Object.entries(version.precision).map(([k, share]) => _("{share} right among the first {k}", { share: percent(/** @type {number} */ (share)), k }))].join(" · "))));
  const rows = answer.sketches.flatMap((/** @type {any} */ each) => [
    ...(single ? [] : [make("h3", {}, each.category ? `${each.name} → ${each.category}` : each.name, make("span", { class: "hint" }, " ", _("{share} in common", { share: percent(each.overlap) })))]),
    make("div", { class: "pair" }, ...each.answers.map((/** @type {any} */ one) => make("div", {}, make("img", { class: "imagined", src: one.imaginary_image.url, alt: _("Imaginary image"), width: 128, height: 128 }),
      make("ol", { class: "grid small" }, ...one.results.slice(0, single ? 20 : SHOWN_OF_MANY).map((/** @type {any} */ photo) => tile(photo, view, _("similarity {score}", { score: photo.score.toFixed(2) }))))))),
  ]);
  byId("answer").replaceChildren(make("p", {}, _("{share} of all photos found were found by both.", { share: percent(answer.mean_overlap) })), make("div", { class: "pair" }, ...heads), ...rows);
}

/** @param {Error} error */
const failed = (error) => say(error.message);

sketch.onchange = () => { easel.redraw(); refresh(); };
easel.onstart = refresh;
byId("undo").onclick = () => sketch.undo();
byId("clear").onclick = () => sketch.clear();
byId("name").oninput = refresh;
byId("compare").addEventListener("submit", async (/** @type {Event} */ event) => { event.preventDefault(); await compare(await asPng(sketch.strokes)); });
byId("ask-saved").onclick = () => compare(null);
byId("save").onclick = async () => {
  const form = new FormData();
  form.append("sketch", await asPng(sketch.strokes), "sketch.png");
  form.append("name", byId("name").value);
  form.append("category", byId("category").value);
  await call("POST", "/benchmark-sketches", form).then(() => { byId("name").value = byId("category").value = ""; return loadSaved(); }).catch(failed);
};
load().catch(failed);
