// The page Quality: how well the visitor's categories are told apart.

import { get } from "../lib/api.js";
import { byId, h, setDisabled, showError } from "../lib/dom.js";
import { formatCategory, formatPercent } from "../lib/format.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { CategoryQuality, Quality } from "../../../typings/api" */

async function measure() {
  setDisabled(true, "measure");
  byId("summary").textContent = _("Measuring…");
  try {
    show(await get("/quality"));
  } catch (error) {
    byId("summary").textContent = "";
    showError(error);
  }
  setDisabled(false, "measure");
}

/** @param {Quality} quality */
function show(quality) {
  byId("protocol").textContent = quality.protocol;
  byId("quality").hidden = quality.categories.length === 0;
  byId("summary").textContent = summary(quality);
  byId("quality")
    .querySelector("tbody")
    ?.replaceChildren(...quality.categories.map(row));
}

/** @param {Quality} quality */
function summary({ mean_precision: precision, categories }) {
  if (precision === null) return _("There is nothing to measure yet: give at least two photos the same category.");
  return ngettext(
    "{share} right on average, over {n} category.",
    "{share} right on average, over {n} categories; the worst comes first.",
    categories.length,
    { share: formatPercent(precision) },
  );
}

/** @param {CategoryQuality} category */
function row({ name, photos, precision }) {
  const meter = h("meter", { min: 0, max: 1, value: precision, "aria-hidden": "true" });
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, formatCategory(name)),
    h("td", {}, photos.toLocaleString()),
    h("td", {}, meter, ` ${formatPercent(precision)}`),
  );
}

byId("measure").onclick = measure;
setDisabled(false, "measure");
