// The canvas: pointers become strokes of a sketch.

import { paint } from "./strokes.js";

const ERASER_BUTTON = 32;
const CLOSEST = 0.0015;
const NEARLY = 0.12;

export class Easel {
  /** @param {HTMLCanvasElement} canvas @param {import("./strokes.js").Sketch} sketch */
  constructor(canvas, sketch) {
    this.canvas = canvas;
    this.sketch = sketch;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {"pen"|"eraser"} */
    this.tool = "pen";
    this.width = 1.6;
    /** @type {import("./strokes.js").Stroke|null} */
    this.current = null;
    this.pointer = -1;
    this.straight = false;
    this.stylusSeen = false;
    this.onstart = () => {};
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#end(event, true));
    canvas.addEventListener("pointercancel", (event) => this.#end(event, false));
  }

  /** Fit the pixels to the screen; strokes are kept in units of the sheet, so nothing is lost. */
  resize() {
    const pixels = Math.max(1, Math.round(this.canvas.clientWidth * devicePixelRatio));
    if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;
    this.redraw();
  }

  redraw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    paint(this.context, this.current ? [...this.sketch.strokes, this.current] : this.sketch.strokes, this.canvas.width);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.current || event.button > 0 && !(event.buttons & ERASER_BUTTON)) return;
    this.stylusSeen ||= event.pointerType === "pen";
    // Once a stylus was seen, a touch is the palm of the hand.
    if (this.stylusSeen && event.pointerType === "touch") return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    const tool = event.buttons & ERASER_BUTTON ? "eraser" : this.tool;
    this.current = { tool, width: tool === "eraser" ? this.width * 3 : this.width, points: [this.#place(event)] };
    this.straight = event.shiftKey;
    this.onstart();
    this.redraw();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.current || event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const place = this.#place(each);
      const [lastX, lastY] = this.current.points[this.current.points.length - 1];
      if (Math.hypot(place[0] - lastX, place[1] - lastY) > CLOSEST) this.current.points.push(place);
    }
    // With Shift a straight line from where the pointer went down, level or upright if nearly so.
    if (this.straight || event.shiftKey) this.current.points = straight(this.current.points[0], this.#place(event));
    this.redraw();
  }

  /** @param {PointerEvent} event @param {boolean} keep */
  #end(event, keep) {
    if (!this.current || event.pointerId !== this.pointer) return;
    const stroke = this.current;
    this.current = null;
    if (keep) this.sketch.add(stroke);
    this.redraw();
  }

  /** @param {PointerEvent} event @returns {number[]} */
  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const round = (/** @type {number} */ v) => Math.round(v * 1e4) / 1e4;
    const place = [round((event.clientX - box.left) / box.width), round((event.clientY - box.top) / box.height)];
    return event.pointerType === "pen" && this.tool === "pen" && event.pressure > 0 ? [...place, Math.round(event.pressure * 100) / 100] : place;
  }
}

/** @param {number[]} from @param {number[]} to */
function straight(from, to) {
  const [dx, dy] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  const end = [...to];
  if (dy < dx * NEARLY) end[1] = from[1];
  if (dx < dy * NEARLY) end[0] = from[0];
  return [from, end];
}
