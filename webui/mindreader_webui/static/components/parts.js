// Several things in one sketch: a line that says so, and on the sheet what each of them is.

import { byId } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { framesOver, framesStyle } from "./found_frames.js";

/** @import { Box } from "./boxes.js" */

/** @type {Record<number, () => string>} by how many there are */
const SENTENCES = {
  2: () => _("2 things were read in the drawing; photos found by both show them as 1 and 2."),
  3: () => _("3 things were read in the drawing; photos found by all of them show them as 1, 2 and 3."),
};

export class Parts {
  constructor() {
    this.line = byId("parts");
    this.sheet = byId("sheet");
    /** @type {HTMLElement[]} */
    this.layers = [];
    this.line.onpointerenter = this.line.onfocus = () => this.#outline(true);
    this.line.onpointerleave = this.line.onblur = () => this.#outline(false);
  }

  /** @param {Box[]} parts of the sheet */
  async show(parts) {
    await framesStyle();
    for (const layer of this.layers) layer.remove();
    const sentence = SENTENCES[parts.length];
    byId("parts-line").hidden = !sentence;
    this.line.textContent = sentence?.() ?? "";
    if (!sentence) return;
    const [onSheet, onTile] = [framesOver(parts), framesOver(parts)];
    this.layers = [onSheet, onTile];
    this.sheet.append(onSheet);
    document.querySelector(".reading.sketch > canvas")?.after(onTile); // it is what the photos' numbers refer to
    this.#outline(this.line.matches(":hover, :focus"));
  }

  /** @param {boolean} shown */
  #outline(shown) {
    const [onSheet] = this.layers;
    if (onSheet) onSheet.hidden = !shown;
  }
}
