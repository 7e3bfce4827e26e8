// The page Quality: how well the visitor's categories are told apart.

import { get } from "./api.js";
import { byId, make, say } from "./dom.js";

const percent = (/** @type {number} */ share) => share.toLocaleString(undefined, { style: "percent" });

async function measure() {
  byId("measure").disabled = true;
  byId("summary").textContent = "Measuring…";
  try {
    const found = await get("/quality");
    byId("protocol").textContent = found.protocol;
    byId("quality").hidden = found.categories.length === 0;
    byId("summary").textContent = found.mean_precision === null
      ? "There is nothing to measure yet: give at least two photos the same category."
      : `${found.model_version}: ${percent(found.mean_precision)} right on average, over ${found.categories.length} categories.`;
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
