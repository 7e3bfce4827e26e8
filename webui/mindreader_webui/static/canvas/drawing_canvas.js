// The canvas: pointers become strokes of a sketch.

import { paint } from "./strokes.js";

/** @import { Point, Sketch, Stroke } from "./strokes.js" */

const ERASER_BUTTON = 32;
const LEAST_DISTANCE = 0.0015;
const SNAP = 0.12; // a straight line this near to level or upright becomes so
const ERASER_WIDTHS = 3;
const PALM_MS = 60_000; // so long after a stylus was seen a touch is the palm of the hand

export class DrawingCanvas {
  /** @param {HTMLCanvasElement} element @param {Sketch} sketch */
  constructor(element, sketch) {
    this.element = element;
    this.sketch = sketch;
    this.context = /** @type {CanvasRenderingContext2D} */ (element.getContext("2d"));
    /** @type {"pen"|"eraser"} */
    this.tool = "pen";
    this.width = 1.6;
    /** @type {Stroke|null} */
    this.current = null;
    this.pointer = -1;
    this.straight = false;
    this.pointerType = "";
    this.stylusSeenAt = -Infinity;
    this.onstart = () => {};
    /**
     * A stroke ended; it is part of the sketch if it is kept.
     *
     * @type {(kept: boolean) => void}
     */
    this.onend = () => {};
    new ResizeObserver(() => this.resize()).observe(element);
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#end(event, true));
    element.addEventListener("pointercancel", (event) => this.#end(event, false));
  }

  /** Fit the pixels to the screen; strokes are kept in units of the sheet, so nothing is lost. */
  resize() {
    const pixels = Math.max(1, Math.round(this.element.clientWidth * devicePixelRatio));
    if (this.element.width !== pixels) this.element.width = this.element.height = pixels;
    this.redraw();
  }

  redraw() {
    this.context.clearRect(0, 0, this.element.width, this.element.height);
    const strokes = this.current ? [...this.sketch.strokes, this.current] : this.sketch.strokes;
    paint(this.context, strokes, this.element.width);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const erases = Boolean(event.buttons & ERASER_BUTTON);
    if (event.button > 0 && !erases) return;
    if (event.pointerType === "pen") this.stylusSeenAt = event.timeStamp;
    else if (event.pointerType === "touch" && event.timeStamp - this.stylusSeenAt < PALM_MS) return;
    if (this.current) {
      // The hand may lie down before the stylus does.
      if (event.pointerType !== "pen" || this.pointerType !== "touch") return;
      this.current = null;
    }
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.pointerType = event.pointerType;
    const tool = erases ? "eraser" : this.tool;
    const width = tool === "eraser" ? this.width * ERASER_WIDTHS : this.width;
    this.current = { tool, width, points: [this.#pointOf(event)] };
    this.straight = event.shiftKey;
    this.onstart();
    this.redraw();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.current || event.pointerId !== this.pointer) return;
    const { points } = this.current;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const point = this.#pointOf(each);
      const last = points.at(-1);
      if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) > LEAST_DISTANCE) points.push(point);
    }
    const [first] = points;
    // With Shift a straight line from where the pointer went down.
    if (first && (this.straight || event.shiftKey)) this.current.points = straightLine(first, this.#pointOf(event));
    this.redraw();
  }

  /** @param {PointerEvent} event @param {boolean} keep */
  #end(event, keep) {
    if (!this.current || event.pointerId !== this.pointer) return;
    const stroke = this.current;
    this.current = null;
    if (event.pointerType === "pen") this.stylusSeenAt = event.timeStamp;
    if (keep) this.sketch.add(stroke);
    this.redraw();
    this.onend(keep);
  }

  /** @param {PointerEvent} event @returns {Point} */
  #pointOf(event) {
    const box = this.element.getBoundingClientRect();
    const x = rounded((event.clientX - box.left) / box.width, 4);
    const y = rounded((event.clientY - box.top) / box.height, 4);
    const feelsPressure = event.pointerType === "pen" && this.tool === "pen" && event.pressure > 0;
    return feelsPressure ? [x, y, rounded(event.pressure, 2)] : [x, y];
  }
}

/** @param {number} value @param {number} digits */
const rounded = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;

/** Level or upright if nearly so. @param {Point} from @param {Point} to @returns {Point[]} */
export function straightLine(from, to) {
  const [dx, dy] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  /** @type {Point} */
  const end = [...to];
  if (dy < dx * SNAP) end[1] = from[1];
  if (dx < dy * SNAP) end[0] = from[0];
  return [from, end];
}
