// Shapes to begin with, for people who cannot draw with a pointer, or do not want to; and what moves and sizes strokes.

import { segments } from "./strokes.js";

/** @import { Point, Stroke } from "./strokes.js" */

const CIRCLE_POINTS = 48;
const STEP = 0.02;
const GROWTH = 1.08;
const MARGIN = 0.08;

/** @param {number} rx @param {number} ry @returns {Point[]} */
const ellipse = (rx, ry) =>
  Array.from({ length: CIRCLE_POINTS + 1 }, (_, i) => {
    const angle = (i * 2 * Math.PI) / CIRCLE_POINTS;
    return [rx * Math.cos(angle), ry * Math.sin(angle)];
  });

/** Corners stay corners: curves through the middles of long segments would round them. @param {...Point} corners */
const polygon = (...corners) => [...corners.slice(0, 1), ...segments(corners).flatMap(cornered)];

/** @param {[Point, Point]} segment @returns {Point[]} */
const cornered = ([[x, y], [toX, toY]]) => [0.02, 0.5, 0.98, 1].map((t) => [x + (toX - x) * t, y + (toY - y) * t]);

/** @type {Record<string, Point[]>} points around the middle of the sheet */
const SHAPES = {
  circle: ellipse(0.25, 0.25),
  oval: ellipse(0.32, 0.18),
  square: polygon([-0.22, -0.22], [0.22, -0.22], [0.22, 0.22], [-0.22, 0.22], [-0.22, -0.22]),
  triangle: polygon([0, -0.25], [0.25, 0.2], [-0.25, 0.2], [0, -0.25]),
  line: polygon([-0.3, 0], [0.3, 0]),
  zigzag: polygon([-0.3, 0.06], [-0.15, -0.06], [0, 0.06], [0.15, -0.06], [0.3, 0.06]),
};

/** In the middle of the sheet. @param {string} name @param {number} width @returns {Stroke} */
export const shape = (name, width) => moved({ tool: "pen", width, points: SHAPES[name] ?? [] }, 0.5, 0.5);

/** @type {Record<string, (stroke: Stroke) => Stroke>} what a key does to the stroke drawn last */
export const MOVES = {
  ArrowLeft: (stroke) => moved(stroke, -STEP, 0),
  ArrowRight: (stroke) => moved(stroke, STEP, 0),
  ArrowUp: (stroke) => moved(stroke, 0, -STEP),
  ArrowDown: (stroke) => moved(stroke, 0, STEP),
  "+": (stroke) => scaled(stroke, GROWTH),
  "=": (stroke) => scaled(stroke, GROWTH),
  "-": (stroke) => scaled(stroke, 1 / GROWTH),
};

/** @param {Stroke} stroke @param {number} dx @param {number} dy */
const moved = (stroke, dx, dy) => mapped(stroke, (x, y) => [x + dx, y + dy]);

/** Around the mean of its points. @param {Stroke} stroke @param {number} factor */
function scaled(stroke, factor) {
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const cx = mean(stroke.points.map(([x]) => x));
  const cy = mean(stroke.points.map(([, y]) => y));
  return mapped(stroke, (x, y) => [cx + (x - cx) * factor, cy + (y - cy) * factor]);
}

/** All strokes, enlarged or reduced so that what the pen drew fills the sheet. @param {Stroke[]} strokes */
export function fitted(strokes) {
  const drawn = strokes.filter((stroke) => stroke.tool === "pen").flatMap((stroke) => stroke.points);
  const horizontal = range(drawn.map(([x]) => x));
  const vertical = range(drawn.map(([, y]) => y));
  const extent = Math.max(horizontal.length, vertical.length);
  const factor = extent ? (1 - 2 * MARGIN) / extent : 1;
  return strokes.map((stroke) => ({
    ...mapped(stroke, (x, y) => [0.5 + (x - horizontal.middle) * factor, 0.5 + (y - vertical.middle) * factor]),
    // The pen keeps its width: it is the person's, and what the search was taught with. The eraser erases what it did.
    width: stroke.tool === "eraser" ? stroke.width * factor : stroke.width,
  }));
}

/** @param {number[]} values */
function range(values) {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  return { length: high - low, middle: (low + high) / 2 };
}

/**
 * The stroke with its points elsewhere; pressure stays.
 *
 * @param {Stroke} stroke
 * @param {(x: number, y: number) => [number, number]} to
 */
function mapped(stroke, to) {
  const points = stroke.points.map(([x, y, ...pressure]) => /** @type {Point} */ ([...to(x, y), ...pressure]));
  return { ...stroke, points };
}
