// A sketch as strokes: points in 0..1 of the sheet, so it survives resizing, rotation and reload.

/** @typedef {{tool: "pen"|"eraser", width: number, points: number[][]}} Stroke  width in hundredths of the side; a
 * point is [x, y], or [x, y, pressure] of a pen that feels how hard it is pressed, 0..1 */

const KEY = "mindreader.sketch";
const LONGEST_HISTORY = 500;

export class Sketch {
  constructor() {
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Stroke[][]} what undo brings back, newest last */
    this.past = [];
    /** @type {Stroke[][]} */
    this.future = [];
    this.onchange = () => {};
    this.#restore();
  }

  /** A stroke is drawn to the end, so it becomes one step of the history. @param {Stroke} stroke */
  add(stroke) { this.#change([...this.strokes, stroke]); }

  clear() { if (this.strokes.length) this.#change([]); }

  /** Others in place of all strokes, as one step of the history. @param {Stroke[]} strokes */
  replace(strokes) { this.#change(strokes); }

  undo() { this.#step(this.past, this.future); }

  redo() { this.#step(this.future, this.past); }

  /** Whether anything of the pen is there. */
  get empty() { return !this.strokes.some((stroke) => stroke.tool === "pen"); }

  /** @param {Stroke[]} strokes */
  #change(strokes) {
    this.past.push(this.strokes);
    if (this.past.length > LONGEST_HISTORY) this.past.shift();
    this.future = [];
    this.strokes = strokes;
    this.#changed();
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
    try { localStorage.setItem(KEY, JSON.stringify(this.strokes)); } catch { /* a private window keeps nothing */ }
    this.onchange();
  }

  #restore() {
    try { this.strokes = JSON.parse(localStorage.getItem(KEY) ?? "[]"); } catch { this.strokes = []; }
  }
}

/**
 * Paint strokes on a context whose sheet is `side` pixels wide. The eraser takes away, it does not paint white.
 * @param {CanvasRenderingContext2D} context @param {Stroke[]} strokes @param {number} side
 */
export function paint(context, strokes, side) {
  context.lineCap = context.lineJoin = "round";
  for (const { tool, width, points } of strokes) {
    context.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = "#000";
    context.lineWidth = (width / 100) * side;
    context.beginPath();
    if (points.length === 1) {
      context.arc(points[0][0] * side, points[0][1] * side, context.lineWidth / 2, 0, 2 * Math.PI);
      context.fill();
      continue;
    }
    if (points[0].length > 2) {
      pressed(context, points, width, side);
      continue;
    }
    smooth(context, points, side);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

/** Each segment as wide as the pen was pressed there. @param {CanvasRenderingContext2D} context @param {number[][]} points @param {number} width @param {number} side */
function pressed(context, points, width, side) {
  for (let i = 1; i < points.length; i += 1) {
    context.beginPath();
    context.lineWidth = widthAt(width, points[i][2]) * side;
    context.moveTo(points[i - 1][0] * side, points[i - 1][1] * side);
    context.lineTo(points[i][0] * side, points[i][1] * side);
    context.stroke();
  }
}

/** @param {number} width @param {number} pressure */
const widthAt = (width, pressure) => (width / 100) * (0.4 + 1.2 * pressure);

/** Quadratic curves through the middles of the segments. @param {CanvasRenderingContext2D} context @param {number[][]} points @param {number} side */
function smooth(context, points, side) {
  context.moveTo(points[0][0] * side, points[0][1] * side);
  for (let i = 1; i < points.length - 1; i += 1) {
    const [x, y] = points[i];
    const [nextX, nextY] = points[i + 1];
    context.quadraticCurveTo(x * side, y * side, ((x + nextX) / 2) * side, ((y + nextY) / 2) * side);
  }
  const [lastX, lastY] = points[points.length - 1];
  context.lineTo(lastX * side, lastY * side);
}

/** The sketch as the search wants it: black on opaque white, 512 pixels. @param {Stroke[]} strokes @returns {Promise<Blob>} */
export async function asPng(strokes, side = 512) {
  const drawn = new OffscreenCanvas(side, side);
  paint(/** @type {any} */ (drawn.getContext("2d")), strokes, side);
  const sheet = new OffscreenCanvas(side, side);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (sheet.getContext("2d"));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.drawImage(drawn, 0, 0);
  return sheet.convertToBlob({ type: "image/png" });
}
