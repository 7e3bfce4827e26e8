// Where a photo lies in the room there is for it, and how large: the arithmetic of zooming and panning.
//
// Points are in CSS pixels from the middle of the room.

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */

const LEAST_MOST = 4;
const MOST_PER_PIXEL = 2; // a pixel of the photo becomes at most so many wide
const CLOSER = 2;

export class Zoom {
  constructor() {
    /** @type {Size} */
    this.room = { width: 1, height: 1 };
    /** @type {Size} of the photo, in its own pixels */
    this.photo = { width: 1, height: 1 };
    this.scale = 1;
    this.x = 0;
    this.y = 0;
  }

  /** How large the photo is when all of it is seen: as large as the room lets it, never enlarged. @returns {Size} */
  get fit() {
    const { room, photo } = this;
    const factor = Math.min(1, room.width / photo.width, room.height / photo.height);
    return { width: photo.width * factor, height: photo.height * factor };
  }

  /** Where the photo is shown, from the upper left corner of the room: it may reach beyond it. @returns {Point & Size} */
  get shown() {
    const { room, fit, scale } = this;
    const [width, height] = [fit.width * scale, fit.height * scale];
    return { x: (room.width - width) / 2 + this.x, y: (room.height - height) / 2 + this.y, width, height };
  }

  /** The scale at which a pixel of the photo is one wide. */
  get natural() {
    return this.photo.width / this.fit.width;
  }

  get most() {
    return Math.max(LEAST_MOST, MOST_PER_PIXEL * this.natural);
  }

  get isIn() {
    return this.scale > 1.001;
  }

  /** All of it is seen. */
  reset() {
    this.scale = 1;
    this.x = this.y = 0;
  }

  /** What lies under a point stays under it. @param {number} factor @param {Point} [at] */
  by(factor, at = { x: 0, y: 0 }) {
    const scale = Math.min(this.most, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.scale = scale;
    this.x = at.x - (at.x - this.x) * grown;
    this.y = at.y - (at.y - this.y) * grown;
    this.settle();
  }

  /** Closer to a point, or all of it again. @param {Point} at */
  toggle(at) {
    if (this.isIn) this.reset();
    else this.by(Math.min(LEAST_MOST, Math.max(CLOSER, this.natural)), at);
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.settle();
  }

  /** No edge of the photo comes further into the room than it must. */
  settle() {
    const { fit, room, scale } = this;
    const [x, y] = [spare(fit.width * scale, room.width), spare(fit.height * scale, room.height)];
    this.x = Math.min(x, Math.max(-x, this.x));
    this.y = Math.min(y, Math.max(-y, this.y));
  }
}

/** @param {number} side of the photo as it is shown @param {number} room */
const spare = (side, room) => Math.max(0, (side - room) / 2);
