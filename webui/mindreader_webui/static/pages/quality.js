// The page Quality: how well the visitor's categories are told apart.

import { get } from "../lib/api.js";
import { byId, make, say } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

const percent = (/** @type {number} */ share) => share.toLocaleString(undefined, { style: "percent" });

async function measure() {
  byId("measure").disabled = true;
  byId("summary").textContent = _("Measuring…");
  try {
    const found = await get("/quality");
    byId("protocol").textContent = found.protocol;
    byId("quality").hidden = found.categories.length === 0;
    byId("summary").textContent = found.mean_precision === null
      ? _("There is nothing to measure yet: give at least two photos the same category.")
      : ngettext("{name}: {share} right on average, over {n} category.", "{name}: {share} right on average, over {n} categories.",
        found.categories.length, { name: found.model_version, share: percent(found.mean_precision) });
    byId("quality").querySelector("tbody").replaceChildren(...found.categories.map((/** @type {any} */ each) => make("tr", {},
      make("th", { scope: "row" }, each.name), make("td", {}, each.photos.toLocaleString()),
      make("td", {}, make("meter", { min: 0, max: 1, value: each.precision, "aria-hidden": "true" }), ` ${percent(each.precision)}`))));
  } catch (error) {
    byId("summary").textContent = "";
    say(/** @type {Error} */ (error).message);
  }
  byId("measure").disabled = false;
}

byId("measure").onclick = measure;
byId("measure").disabled = false;
