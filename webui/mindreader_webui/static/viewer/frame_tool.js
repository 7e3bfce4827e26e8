// "Search in this photo": a frame that is drawn over a part of the photo, moved and sized, by pointer or keyboard.

import { WHOLE, between, grown, isWhole, moved, placeOf } from "../components/boxes.js";
import { h } from "../lib/dom.js";
import { formatPercent } from "../lib/format.js";
import { _ } from "../lib/i18n.js";

/** @import { Box } from "../components/boxes.js" */
/** @import { Point, Zoom } from "./zoom.js" */
/** @typedef {(to: Point) => Box} Drag the frame, once the pointer is there */

const STEP = 0.02;
const STILL = 4; // pixels a pointer may tremble before it draws

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WAITING = new Set(["PageUp", "PageDown", "Delete", "s", "S"]); // other photos, and what is done with this one
const CORNERS = /** @type {const} */ (["left top", "right top", "left bottom", "right bottom"]);

export class FrameTool {
  /**
   * @param {HTMLElement} dialog
   * @param {Zoom} zoom where the photo is shown
   * @param {HTMLElement} opener gets the focus when the tool is left
   */
  constructor(dialog, zoom, opener) {
    this.dialog = dialog;
    this.zoom = zoom;
    this.opener = opener;
    /** @type {Box} */
    this.box = WHOLE;
    /** @type {(box: Box|null) => void} */
    this.search = () => {};
    const handles = CORNERS.map((corner) => h("span", { class: "framing-handle", "data-corner": corner }));
    const label = _("Frame: arrow keys move it, Shift and an arrow key sizes it, Enter searches, Escape leaves");
    this.frame = h("div", { class: "framing-frame", tabindex: 0, role: "group", "aria-label": label }, ...handles);
    this.area = h("div", { class: "framing-area" }, this.frame);
    this.said = h("p", { class: "visually-hidden", role: "status" });
    this.bar = h(
      "div",
      { class: "framing-bar" },
      h("p", {}, _("Drag a frame over what you are looking for.")),
      h("button", { class: "primary", onclick: () => this.finish() }, _("More like this")),
      h("button", { onclick: () => this.leave() }, _("Cancel")),
      this.said,
    );
    this.isOpen = false;
    this.#listen();
  }

  #listen() {
    /** @type {{id: number, start: Point, from: MouseEvent, drag: Drag, moves: boolean}|null} */
    let held = null;
    this.area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || held) return;
      event.preventDefault();
      this.area.setPointerCapture(event.pointerId);
      const start = this.#pointOf(event);
      held = { id: event.pointerId, start, from: event, drag: this.#dragOf(event.target, start), moves: false };
      this.frame.focus({ preventScroll: true });
    });
    this.area.addEventListener("pointermove", (event) => {
      if (event.pointerId !== held?.id) return;
      held.moves ||= Math.hypot(event.clientX - held.from.clientX, event.clientY - held.from.clientY) > STILL;
      if (held.moves) this.#set(held.drag(this.#pointOf(event)));
    });
    const release = (/** @type {PointerEvent} */ event) => {
      if (event.pointerId !== held?.id) return;
      if (held.moves) this.#say();
      held = null;
    };
    this.area.addEventListener("pointerup", release);
    this.area.addEventListener("pointercancel", release);
  }

  /** @param {Box[]} found where something was found in the photo @param {(box: Box|null) => void} search with a part of it, or all of it */
  start(found, search) {
    this.search = search;
    this.isOpen = true;
    this.dialog.append(this.area, this.bar);
    this.dialog.classList.add("is-framing"); // the bar takes the place of the viewer's tools
    const [first] = found;
    this.#set(found.length === 1 && first ? first : WHOLE);
    this.frame.focus({ preventScroll: true });
  }

  /** Says whether it was in use. */
  leave() {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.area.remove();
    this.bar.remove();
    this.dialog.classList.remove("is-framing");
    this.opener.focus();
    return true;
  }

  finish() {
    const box = isWhole(this.box) ? null : this.box;
    this.leave();
    this.search(box);
  }

  /** Keys that mean the frame. @param {KeyboardEvent} event */
  onKey({ key, shiftKey, target }) {
    if (!this.isOpen) return false;
    const way = ARROWS[key];
    if (key === "Escape") return this.leave();
    if (key === "Enter" && target === this.frame) this.finish();
    else if (way) this.#step(way, shiftKey);
    else return WAITING.has(key);
    return true;
  }

  /** @param {[number, number]} way @param {boolean} sizes */
  #step([dx, dy], sizes) {
    const { width, height } = this.zoom.shown;
    const [x, y] = [dx * STEP, (dy * STEP * width) / height]; // as many pixels to every side
    this.#set(sizes ? grown(this.box, x, y) : moved(this.box, x, y));
    this.#say();
  }

  /** What a pointer that goes down there does. @param {EventTarget|null} target @param {Point} start @returns {Drag} */
  #dragOf(target, start) {
    const { box } = this;
    const corner = target instanceof HTMLElement ? target.dataset.corner : undefined;
    if (corner) {
      const fixed = {
        x: corner.includes("left") ? box.right : box.left,
        y: corner.includes("top") ? box.bottom : box.top,
      };
      return (to) => between(fixed, to);
    }
    if (target === this.frame && !isWhole(box)) return (to) => moved(box, to.x - start.x, to.y - start.y);
    return (to) => between(start, to);
  }

  /** In shares of the photo. @param {MouseEvent} event @returns {Point} */
  #pointOf({ clientX, clientY }) {
    const room = this.area.getBoundingClientRect();
    const { x, y, width, height } = this.zoom.shown;
    return { x: (clientX - room.left - x) / width, y: (clientY - room.top - y) / height };
  }

  /** @param {Box} box */
  #set(box) {
    this.box = box;
    this.draw();
  }

  /** The photo, the room or the frame changed. */
  draw() {
    if (!this.isOpen) return;
    const { x, y, width, height } = this.zoom.shown;
    const { left, top, right, bottom } = this.box;
    const { style } = this.frame;
    style.left = `${x + left * width}px`;
    style.top = `${y + top * height}px`;
    style.width = `${(right - left) * width}px`;
    style.height = `${(bottom - top) * height}px`;
  }

  #say() {
    const { left, top, right, bottom } = this.box;
    this.said.textContent = _("{place}, {width} wide, {height} high", {
      place: placeOf(this.box),
      width: formatPercent(right - left),
      height: formatPercent(bottom - top),
    });
  }
}
