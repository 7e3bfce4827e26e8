// Sketches kept under a name: shown small, opened again as strokes, deleted.

import { call, get } from "../lib/api.js";
import { byId, make, say } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { paint } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */

const SIDE = 144;

export class Kept {
  /** @param {() => Stroke[]} strokes what is on the sheet @param {(strokes: Stroke[]) => void} open lay a saved sketch on the sheet */
  constructor(strokes, open) {
    this.strokes = strokes;
    this.open = open;
    /** @type {number|null} */
    this.next = null;
    byId("keep-as").addEventListener("submit", (/** @type {Event} */ event) => { event.preventDefault(); this.keep().catch(failed); });
    byId("more-kept").onclick = () => this.show().catch(failed);
    byId("keep").addEventListener("toggle", () => { if (byId("keep").open) this.showFirst().catch(failed); });
  }

  async keep() {
    await call("POST", "/user-sketches", { name: byId("sketch-name").value, strokes: this.strokes() });
    byId("sketch-name").value = "";
    await this.showFirst();
  }

  async showFirst() {
    this.next = null;
    await this.show();
  }

  async show() {
    const page = await get(`/user-sketches?limit=24${this.next ? `&after=${this.next}` : ""}`);
    if (!this.next) byId("kept").replaceChildren();
    this.next = page.next;
    byId("more-kept").hidden = page.next === null;
    byId("kept").append(...page.sketches.map((/** @type {any} */ kept) => this.entry(kept)));
  }

  /** @param {any} kept */
  entry(kept) {
    const small = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    paint(small.getContext("2d"), kept.strokes, SIDE);
    const forget = () => call("DELETE", `/user-sketches/${kept.id}`).then(() => this.showFirst()).catch(failed);
    return make("li", {},
      make("button", { title: _("Open {name}", { name: kept.name }), onclick: () => this.open(kept.strokes) }, small, make("span", { class: "visually-hidden" }, _("Open {name}", { name: kept.name }))),
      make("span", { class: "name", "aria-hidden": "true" }, kept.name),
      make("button", { class: "quiet small", "aria-label": _("Delete the sketch {name}", { name: kept.name }), onclick: forget }, _("Delete")));
  }
}

/** @param {Error} error */
const failed = (error) => say(error.message);
