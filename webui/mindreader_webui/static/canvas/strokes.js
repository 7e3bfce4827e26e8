// A sketch as strokes, with its history: points in 0..1 of the sheet, so it survives resizing, rotation and reload.

import { read, write } from "../lib/storage.js";

/** @typedef {[x: number, y: number, ...pressure: number[]]} Point with the pressure, 0..1, of a pen that feels it */
/** @typedef {{tool: "pen"|"eraser", width: number, points: Point[]}} Stroke width in hundredths of the sheet's side */
/** @typedef {CanvasRenderingContext2D|OffscreenCanvasRenderingContext2D} Context */

const KEY = "mindreader.sketch";
const LONGEST_HISTORY = 500;

export class Sketch {
  constructor() {
    /** @type {Stroke[]} */
    this.strokes = stored();
    /** @type {Stroke[][]} what undo brings back, newest last */
    this.past = [];
    /** @type {Stroke[][]} */
    this.future = [];
    this.onchange = () => {};
  }

  /** A stroke is drawn to the end, so it becomes one step of the history. @param {Stroke} stroke */
  add(stroke) {
    this.replace([...this.strokes, stroke]);
  }

  clear() {
    if (this.strokes.length) this.replace([]);
  }

  /** Others in place of all strokes, as one step of the history. @param {Stroke[]} strokes */
  replace(strokes) {
    this.past.push(this.strokes);
    if (this.past.length > LONGEST_HISTORY) this.past.shift();
    this.future = [];
    this.strokes = strokes;
    this.#changed();
  }

  undo() {
    this.#step(this.past, this.future);
  }

  redo() {
    this.#step(this.future, this.past);
  }

  /** Whether nothing of the pen is there. */
  get empty() {
    return !this.strokes.some((stroke) => stroke.tool === "pen");
  }

  /** @param {Stroke[][]} from @param {Stroke[][]} to */
  #step(from, to) {
    const strokes = from.pop();
    if (!strokes) return;
    to.push(this.strokes);
    this.strokes = strokes;
    this.#changed();
  }

  #changed() {
    write(KEY, JSON.stringify(this.strokes));
    this.onchange();
  }
}

/** @returns {Stroke[]} of the last visit */
function stored() {
  try {
    return JSON.parse(read(KEY) ?? "[]");
  } catch {
    return [];
  }
}

/**
 * Paint strokes on a context whose sheet is `side` pixels wide. The eraser takes away, it does not paint white.
 *
 * @param {Context} context
 * @param {Stroke[]} strokes
 * @param {number} side
 */
export function paint(context, strokes, side) {
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = "#000";
  for (const stroke of strokes) {
    context.globalCompositeOperation = stroke.tool === "eraser" ? "destination-out" : "source-over";
    context.lineWidth = (stroke.width / 100) * side;
    const [first, second] = stroke.points;
    if (!first) continue;
    if (!second) dot(context, first, side);
    else if (first.length > 2) pressedLine(context, stroke, side);
    else smoothLine(context, stroke.points, side);
  }
  context.globalCompositeOperation = "source-over";
}

/** @param {Context} context @param {Point} point @param {number} side */
function dot(context, [x, y], side) {
  context.beginPath();
  context.arc(x * side, y * side, context.lineWidth / 2, 0, 2 * Math.PI);
  context.fill();
}

/**
 * Each segment as wide as the pen was pressed there.
 *
 * @param {Context} context
 * @param {Stroke} stroke
 * @param {number} side
 */
function pressedLine(context, { points, width }, side) {
  for (const [from, [x, y, pressure = 0.5]] of segments(points)) {
    context.beginPath();
    context.lineWidth = widthAt(width, pressure) * side;
    context.moveTo(from[0] * side, from[1] * side);
    context.lineTo(x * side, y * side);
    context.stroke();
  }
}

/** @param {number} width @param {number} pressure */
const widthAt = (width, pressure) => (width / 100) * (0.4 + 1.2 * pressure);

/**
 * Quadratic curves through the middles of the segments.
 *
 * @param {Context} context
 * @param {Point[]} points
 * @param {number} side
 */
function smoothLine(context, points, side) {
  const [first, ...rest] = points;
  const last = points.at(-1);
  if (!first || !last) return;
  context.beginPath();
  context.moveTo(first[0] * side, first[1] * side);
  for (const [[x, y], [nextX, nextY]] of segments(rest)) {
    context.quadraticCurveTo(x * side, y * side, ((x + nextX) / 2) * side, ((y + nextY) / 2) * side);
  }
  context.lineTo(last[0] * side, last[1] * side);
  context.stroke();
}

/** Each point with the one after it. @template T @param {T[]} points @returns {[T, T][]} */
export const segments = (points) => points.slice(1).map((to, i) => [/** @type {T} */ (points[i]), to]);

/**
 * The sketch as the search wants it: black on opaque white.
 *
 * @param {Stroke[]} strokes
 * @param {number} side in pixels
 */
export async function asPng(strokes, side = 512) {
  const [drawing, sheet] = [newContext(side), newContext(side)];
  paint(drawing, strokes, side); // on a layer of its own: the eraser must not take away the white
  sheet.fillStyle = "#fff";
  sheet.fillRect(0, 0, side, side);
  sheet.drawImage(drawing.canvas, 0, 0);
  return sheet.canvas.convertToBlob({ type: "image/png" });
}

/** @param {number} side @returns {OffscreenCanvasRenderingContext2D} */
function newContext(side) {
  const context = new OffscreenCanvas(side, side).getContext("2d");
  if (!context) throw new Error("This browser has no 2d canvas");
  return context;
}
