// Where in the photo of the viewer something was found: frames over it, and a sentence.

import { framesOver, foundSentence } from "../components/found_frames.js";
import { isWhole } from "../components/boxes.js";
import { h } from "../lib/dom.js";

/** @import { Box } from "../components/boxes.js" */

export class FoundInPhoto {
  /** @param {HTMLElement} sheet as large as the photo, and moved with it */
  constructor(sheet) {
    this.sheet = sheet;
    this.sentence = h("p", { class: "visually-hidden" });
    /** @type {Box[]} */
    this.boxes = [];
    this.shown = true; // until somebody hides them, for all photos
    this.layer = framesOver([]);
    /** @type {(shown: boolean) => void} */
    this.onchange = () => {};
    sheet.append(this.layer);
  }

  /** Whether it is a part of the photo. */
  get isSomewhere() {
    return this.boxes.some((box) => !isWhole(box));
  }

  /** @param {Box[]} boxes */
  show(boxes) {
    this.boxes = boxes;
    this.sentence.textContent = foundSentence(boxes);
    const layer = framesOver(boxes);
    this.layer.replaceWith(layer);
    this.layer = layer;
    this.#refresh();
  }

  toggle() {
    this.shown = !this.shown;
    this.#refresh();
  }

  #refresh() {
    this.layer.hidden = !this.shown;
    this.onchange(this.shown);
  }
}
