// The photos found: best first, one to look at, several to choose, and those that lead the next search.

import { byId, make } from "../lib/dom.js";
import { Selection, download } from "./selection.js";
import { tile, view } from "./viewer.js";
import { _, ngettext } from "../lib/i18n.js";

const MOST_LEADING = 20;

export class Results {
  /** @param {() => void} search search again: other photos lead */
  constructor(search) {
    this.search = search;
    this.list = byId("results");
    /** @type {any[]} */
    this.photos = [];
    /** @type {Map<number, HTMLElement>} by index */
    this.tiles = new Map();
    /** @type {Map<number, {way: "like"|"unlike", photo: any}>} */
    this.leading = new Map();
    this.looking = -1;
    this.selection = new Selection(this, () => this.refreshChosen());
    byId("viewer").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.leaf(event));
    byId("select").onclick = () => this.selection.start();
    byId("all").onclick = () => this.selection.all();
    byId("done").onclick = () => this.selection.stop();
    byId("download").onclick = () => download([...this.selection.chosen]);
    byId("more-like").onclick = () => this.leadByChosen();
  }

  get columns() { return getComputedStyle(this.list).gridTemplateColumns.split(" ").length; }

  /** @param {number} index */
  focus(index) { this.tiles.get(index)?.querySelector("button")?.focus(); }

  /** @param {any} answer of the API to a search */
  show(answer) {
    this.photos = answer.results.map((/** @type {any} */ result) => ({ ...result, id: result.photo_id }));
    this.tiles = new Map(this.photos.map((photo, index) => [index, this.tile(photo, index)]));
    const shown = [...this.tiles.values()];
    const line = this.photos.findIndex((photo) => photo.score < (answer.score_threshold ?? -1));
    const words = line === 0 ? _("Nothing here is clearly like it. The nearest, as guesswork:") : _("From here on it is guesswork");
    if (line >= 0) shown.splice(line, 0, make("li", { class: "guesswork" }, words));
    this.list.replaceChildren(...shown);
    this.selection.stop();
  }

  /** @param {any} photo @param {number} index */
  tile(photo, index) {
    const made = tile(photo, () => {}, _("similarity {score} · {collection}", { score: photo.score.toFixed(2), collection: photo.collection }));
    made.dataset.index = String(index);
    const button = /** @type {HTMLButtonElement} */ (made.querySelector("button"));
    button.addEventListener("click", (event) => { if (!this.selection.click(index, event)) this.open(index); });
    return made;
  }

  /** Look at a photo; from there lead the search, or go on to the next one. @param {number} index */
  open(index) {
    this.looking = index;
    const photo = this.photos[index];
    const lead = (/** @type {"like"|"unlike"} */ way) => { byId("viewer").close(); this.lead([photo], way); };
    view(photo, make("button", { onclick: () => lead("like") }, _("More like this")), make("button", { onclick: () => lead("unlike") }, _("Less like this")));
  }

  /** @param {KeyboardEvent} event */
  leaf(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !this.photos[this.looking + step]) return;
    byId("viewer").close();
    this.open(this.looking + step);
  }

  leadByChosen() {
    const chosen = this.photos.filter((photo) => this.selection.chosen.has(photo.id));
    this.selection.stop();
    this.lead(chosen, "like");
  }

  /** @param {any[]} photos @param {"like"|"unlike"} way */
  lead(photos, way) {
    for (const photo of photos) this.leading.set(photo.id, { way, photo });
    // The ones chosen last count.
    for (const id of [...this.leading.keys()].slice(0, -MOST_LEADING)) this.leading.delete(id);
    this.showLeading();
    this.search();
  }

  showLeading() {
    byId("led").hidden = this.leading.size === 0;
    byId("led").replaceChildren(...[...this.leading].map(([id, { way, photo }]) => {
      const name = photo.category || photo.filename;
      const drop = () => { this.leading.delete(id); this.showLeading(); this.search(); };
      return make("li", { class: "lead" }, make("img", { src: photo.thumbnail_url, alt: "", width: 32, height: 32 }),
        make("span", {}, way === "like" ? _("more like {name}", { name }) : _("less like {name}", { name })), " ",
        make("button", { class: "quiet small", "aria-label": _("{name} leads no longer", { name: photo.filename }), onclick: drop }, "×"));
    }));
  }

  refreshChosen() {
    const { active, chosen } = this.selection;
    byId("select").hidden = active || !this.photos.length;
    byId("chosen").hidden = !active;
    byId("chosen-count").textContent = chosen.size ? ngettext("{n} photo chosen", "{n} photos chosen", chosen.size) : _("Choose photos");
    for (const name of ["more-like", "download"]) byId(name).disabled = !chosen.size;
  }
}
