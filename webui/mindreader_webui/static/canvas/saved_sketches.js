// Sketches saved under a name: shown small, opened again as strokes, deleted.

import { call, get } from "../lib/api.js";
import { byId, h, showError } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { paint } from "./strokes.js";

/** @import { UserSketch } from "../../../typings/api" */
/** @import { Stroke } from "./strokes.js" */

const PAGE = 24;
const SIDE = 144;

export class SavedSketches {
  /**
   * @param {() => Stroke[]} current what is on the sheet
   * @param {(strokes: Stroke[]) => void} open lay a saved sketch on the sheet
   */
  constructor(current, open) {
    this.current = current;
    this.open = open;
    this.name = byId("sketch-name", HTMLInputElement);
    this.list = byId("saved-sketches");
    /** @type {number|null} */
    this.next = null;
    byId("more-saved-sketches").onclick = () => this.loadMore().catch(showError);
  }

  async save() {
    await call("POST", "/user-sketches", { body: { name: this.name.value, strokes: this.current() } });
    this.name.value = "";
    await this.load();
  }

  async load() {
    this.next = null;
    await this.loadMore();
  }

  async loadMore() {
    const page = await get("/user-sketches", { query: { limit: PAGE, after: this.next } });
    if (!this.next) this.list.replaceChildren();
    this.next = page.next;
    byId("more-saved-sketches").hidden = page.next === null;
    this.list.append(...page.sketches.map((sketch) => this.entry(sketch)));
  }

  /** @param {Stroke[]} strokes */
  #choose(strokes) {
    byId("save-or-share").hidePopover();
    this.open(strokes);
  }

  /** @param {UserSketch} sketch */
  entry({ id, name, strokes: points }) {
    const strokes = /** @type {Stroke[]} */ (points);
    const preview = h("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    const context = preview.getContext("2d");
    if (context) paint(context, strokes, SIDE);
    const remove = () =>
      call("DELETE", "/user-sketches/{user_sketch_id}", { path: { user_sketch_id: id } })
        .then(() => this.load())
        .catch(showError);
    const title = _("Open {name}", { name });
    return h(
      "li",
      {},
      h(
        "button",
        { title, onclick: () => this.#choose(strokes) },
        preview,
        h("span", { class: "visually-hidden" }, title),
      ),
      h("span", { class: "name", "aria-hidden": "true" }, name),
      h(
        "button",
        { class: "quiet small", "aria-label": _("Delete the sketch {name}", { name }), onclick: remove },
        _("Delete"),
      ),
    );
  }
}
