// Four corners on a picture, to be dragged or moved by keys: where the sheet of paper lies.

import { h } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";

/** @typedef {[x: number, y: number]} Corner shares of the picture's width and height */

const [STEP, LONG_STEP] = [0.005, 0.05];
const SVG = "http://www.w3.org/2000/svg";
/** @type {Corner[]} where nobody knows better */
const MIDDLE = [
  [0.1, 0.1],
  [0.9, 0.1],
  [0.9, 0.9],
  [0.1, 0.9],
];
/** @type {Record<string, Corner>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class SheetCorners {
  /**
   * @param {HTMLElement} area exactly as large as the picture that it holds
   * @param {() => void} onchange a corner lies elsewhere
   */
  constructor(area, onchange) {
    this.area = area;
    this.onchange = onchange;
    this.corners = MIDDLE;
    const overlay = document.createElementNS(SVG, "svg");
    overlay.setAttribute("viewBox", "0 0 1 1");
    overlay.setAttribute("preserveAspectRatio", "none");
    overlay.setAttribute("aria-hidden", "true");
    this.outline = document.createElementNS(SVG, "polygon");
    overlay.append(this.outline);
    const names = [_("Upper left corner"), _("Upper right corner"), _("Lower right corner"), _("Lower left corner")];
    this.handles = names.map((name, i) => this.#handle(name, i));
    this.parts = [overlay, ...this.handles];
    area.append(...this.parts);
  }

  /** @param {Corner[]|null} corners those that nobody knows lie near the picture's own */
  show(corners) {
    this.corners = corners ?? MIDDLE;
    for (const part of this.parts) part.toggleAttribute("hidden", false);
    this.#place();
  }

  hide() {
    for (const part of this.parts) part.toggleAttribute("hidden", true);
  }

  /** @param {string} name @param {number} i */
  #handle(name, i) {
    const hint = _("Drag it, or move it with the arrow keys");
    const handle = h("button", { type: "button", class: "corner", "aria-label": name, title: hint });
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) this.#put(i, this.#placeOf(event));
    });
    handle.addEventListener("lostpointercapture", () => this.onchange());
    handle.addEventListener("keydown", (event) => this.#key(event, i));
    return handle;
  }

  /** @param {KeyboardEvent} event @param {number} i */
  #key(event, i) {
    const [dx, dy] = MOVES[event.key] ?? [0, 0];
    const [x, y] = this.corners[i] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const step = event.shiftKey ? LONG_STEP : STEP;
    this.#put(i, [x + dx * step, y + dy * step]);
    this.onchange();
  }

  /** @param {PointerEvent} event @returns {Corner} */
  #placeOf({ clientX, clientY }) {
    const box = this.area.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }

  /** A place that would fold the sheet is not taken. @param {number} i @param {Corner} corner */
  #put(i, [x, y]) {
    /** @type {Corner} */
    const place = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
    const corners = this.corners.map((each, j) => (i === j ? place : each));
    if (!isConvex(corners)) return;
    this.corners = corners;
    this.#place();
  }

  #place() {
    this.outline.setAttribute("points", this.corners.map((corner) => corner.join(",")).join(" "));
    for (const [i, [x, y]] of this.corners.entries()) {
      const handle = /** @type {HTMLElement} */ (this.handles[i]);
      handle.style.left = `${100 * x}%`;
      handle.style.top = `${100 * y}%`;
    }
  }
}

/** Clockwise, with room between the corners: as the server takes them. @param {Corner[]} corners */
export function isConvex(corners) {
  const at = (/** @type {number} */ i) => corners[i % 4] ?? [0, 0];
  return corners.every(([x, y], i) => {
    const [[bx, by], [cx, cy]] = [at(i + 1), at(i + 2)];
    return (bx - x) * (cy - by) - (by - y) * (cx - bx) > 0.002;
  });
}
