// What hands do over a photo: drag, swipe, pinch, double tap, turn a wheel.

/** @import { Point } from "./zoom.js" */

/**
 * @typedef {object} Hands
 * @property {() => boolean} isZoomed whether one finger moves the photo, in place of going on to another one
 * @property {(factor: number, at: Point) => void} zoom
 * @property {(dx: number, dy: number) => void} pan
 * @property {(at: Point) => void} toggle closer, or all of it again
 * @property {(dx: number, dy: number) => void} drag the finger is so far from where it began
 * @property {(dx: number, dy: number) => void} release it was lifted there
 */

const STILL = 10; // pixels a finger may tremble
const DOUBLE_MS = 350;
const DOUBLE_PIXELS = 40;
const LINE_PIXELS = 16;
const WHEEL = 0.002;
const PINCH_WHEEL = 0.01; // a touchpad's pinch, which comes as a wheel with Ctrl

export class Gestures {
  /** @param {HTMLElement} area its middle is the origin of all points @param {Hands} hands */
  constructor(area, hands) {
    this.area = area;
    this.hands = hands;
    /** @type {Map<number, Point>} fingers by their ids */
    this.down = new Map();
    /** @type {Point} */
    this.start = { x: 0, y: 0 };
    this.hasMoved = false;
    this.hadTwo = false;
    /** @type {Point & {time: number}} */
    this.tapped = { x: 0, y: 0, time: -Infinity };
    area.addEventListener("pointerdown", (event) => this.onDown(event));
    area.addEventListener("pointermove", (event) => this.onMove(event));
    area.addEventListener("pointerup", (event) => this.onUp(event));
    area.addEventListener("pointercancel", (event) => this.onCancel(event));
    area.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  /** @param {MouseEvent} event @returns {Point} */
  pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.area.getBoundingClientRect();
    return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
  }

  /** @param {PointerEvent} event */
  onDown(event) {
    if (event.button !== 0) return;
    this.area.setPointerCapture(event.pointerId);
    const point = this.pointOf(event);
    this.down.set(event.pointerId, point);
    if (this.down.size === 1) {
      this.start = point;
      this.hasMoved = this.hadTwo = false;
    } else {
      this.hadTwo = true;
      this.hands.drag(0, 0);
    }
  }

  /** @param {PointerEvent} event */
  onMove(event) {
    const before = this.down.get(event.pointerId);
    if (!before) return;
    const point = this.pointOf(event);
    const other = [...this.down].find(([id]) => id !== event.pointerId)?.[1];
    this.down.set(event.pointerId, point);
    if (other) return this.pinch(before, point, other);
    if (this.hadTwo && !this.hands.isZoomed()) return; // the second finger was lifted first
    const [dx, dy] = [point.x - this.start.x, point.y - this.start.y];
    this.hasMoved ||= Math.hypot(dx, dy) > STILL;
    if (this.hands.isZoomed()) this.hands.pan(point.x - before.x, point.y - before.y);
    else if (this.hasMoved && event.pointerType !== "mouse") this.hands.drag(dx, dy);
  }

  /** @param {Point} before @param {Point} after of the finger that moved @param {Point} other */
  pinch(before, after, other) {
    const middle = { x: (after.x + other.x) / 2, y: (after.y + other.y) / 2 };
    this.hands.zoom(distance(after, other) / Math.max(1, distance(before, other)), middle);
    this.hands.pan((after.x - before.x) / 2, (after.y - before.y) / 2);
  }

  /** @param {PointerEvent} event */
  onUp(event) {
    if (!this.down.delete(event.pointerId) || this.down.size || this.hadTwo) return;
    const point = this.pointOf(event);
    if (!this.hasMoved) this.tap(point, event.timeStamp);
    else if (!this.hands.isZoomed() && event.pointerType !== "mouse") {
      this.hands.release(point.x - this.start.x, point.y - this.start.y);
    }
  }

  /** @param {Point} point @param {number} time in milliseconds */
  tap(point, time) {
    const isSecond = time - this.tapped.time < DOUBLE_MS && distance(point, this.tapped) < DOUBLE_PIXELS;
    this.tapped = { ...point, time: isSecond ? -Infinity : time };
    if (isSecond) this.hands.toggle(point);
  }

  /** @param {PointerEvent} event */
  onCancel(event) {
    this.down.delete(event.pointerId);
    this.hands.drag(0, 0);
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1);
    this.hands.zoom(Math.exp(-pixels * (event.ctrlKey ? PINCH_WHEEL : WHEEL)), this.pointOf(event));
  }
}

/** @param {Point} one @param {Point} other */
const distance = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
