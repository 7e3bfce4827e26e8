// What MindReader imagines: one of the images, or the sketch as it is, searches.

import { byId, h } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @import { ImaginaryImage } from "../../../typings/api" */

const BY_SKETCH = -1;
const SEED_STEP = 100;

/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class ImaginaryImages {
  /** @param {() => void} onchange another image searches */
  constructor(onchange) {
    this.onchange = onchange;
    this.group = byId("imaginary");
    this.seed = 0;
    this.chosen = 0;
    this.group.addEventListener("keydown", (event) => this.onKey(event));
    byId("again").onclick = () => {
      this.seed += SEED_STEP;
      this.choose(0);
    };
  }

  /** Another sketch, other images. */
  reset() {
    this.seed = this.chosen = 0;
  }

  /** @param {number} place */
  choose(place) {
    this.chosen = place;
    this.onchange();
  }

  /** @param {FormData} form of a search */
  appendTo(form) {
    form.append("seed", String(this.seed));
    form.append("chosen", String(Math.max(0, this.chosen)));
    form.append("by_sketch", String(this.chosen === BY_SKETCH));
  }

  /** @param {ImaginaryImage[]} images */
  show(images) {
    const focused = this.group.contains(document.activeElement);
    this.group.replaceChildren(
      ...images.map(({ url }, i) => {
        const alt = _("Imaginary image {i} of {n}", { i: i + 1, n: images.length });
        return this.radio(
          i,
          _("Search with this imaginary image"),
          h("img", { src: url, alt, width: 128, height: 128 }),
        );
      }),
      this.radio(
        BY_SKETCH,
        _("Search with your sketch as it is"),
        h("span", { class: "as-it-is" }, _("The sketch as it is")),
      ),
    );
    if (focused) /** @type {HTMLElement|null} */ (this.group.querySelector('[aria-checked="true"]'))?.focus();
  }

  /** @param {number} place @param {string} title @param {HTMLElement} content */
  radio(place, title, content) {
    const checked = place === this.chosen;
    const attributes = { role: "radio", "aria-checked": String(checked), tabindex: checked ? 0 : -1, title };
    return h("button", { ...attributes, onclick: () => this.choose(place) }, content);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const radios = [...this.group.querySelectorAll("button")];
    const focused = radios.findIndex((radio) => radio === document.activeElement);
    radios.at((focused + step) % radios.length)?.click();
  }
}
