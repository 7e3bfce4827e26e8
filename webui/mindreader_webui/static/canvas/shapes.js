// Shapes to begin with, for people who cannot draw with a pointer, or do not want to.

/** @typedef {import("./strokes.js").Stroke} Stroke */

const ROUND = 48;
const STEP = 0.02;
const GROWTH = 1.08;

/** @type {Record<string, () => number[][]>} points around the middle of the sheet */
const SHAPES = {
  circle: () => round(0.25, 0.25),
  oval: () => round(0.32, 0.18),
  square: () => [[-0.22, -0.22], [0.22, -0.22], [0.22, 0.22], [-0.22, 0.22], [-0.22, -0.22]],
  triangle: () => [[0, -0.25], [0.25, 0.2], [-0.25, 0.2], [0, -0.25]],
  line: () => [[-0.3, 0], [0.3, 0]],
  zigzag: () => [[-0.3, 0.06], [-0.15, -0.06], [0, 0.06], [0.15, -0.06], [0.3, 0.06]],
};

/** @param {number} x @param {number} y */
const round = (x, y) => Array.from({ length: ROUND + 1 }, (_, i) => [x * Math.cos((i * 2 * Math.PI) / ROUND), y * Math.sin((i * 2 * Math.PI) / ROUND)]);

/** @param {string} name @param {number} width @returns {Stroke} */
export const shape = (name, width) => ({ tool: "pen", width, points: straight(SHAPES[name]()).map(([x, y]) => [x + 0.5, y + 0.5]) });

/** Corners stay corners: curves through the middles of long segments would round them. @param {number[][]} points */
function straight(points) {
  if (points.length > ROUND) return points;
  return points.flatMap((point, i) => {
    if (i === 0) return [point];
    const [x, y] = points[i - 1];
    return [0.02, 0.5, 0.98, 1].map((t) => [x + (point[0] - x) * t, y + (point[1] - y) * t]);
  });
}

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

/** @param {Stroke} stroke @param {number} dx @param {number} dy @returns {Stroke} */
const moved = (stroke, dx, dy) => ({ ...stroke, points: stroke.points.map(([x, y, ...rest]) => [x + dx, y + dy, ...rest]) });

/** @param {Stroke} stroke @param {number} factor @returns {Stroke} */
function scaled(stroke, factor) {
  const [cx, cy] = [0, 1].map((axis) => stroke.points.reduce((sum, point) => sum + point[axis], 0) / stroke.points.length);
  return { ...stroke, points: stroke.points.map(([x, y, ...rest]) => [cx + (x - cx) * factor, cy + (y - cy) * factor, ...rest]) };
}

const MARGIN = 0.08;

/** All strokes, enlarged or reduced so that what the pen drew fills the sheet. @param {Stroke[]} strokes @returns {Stroke[]} */
export function fitted(strokes) {
  const drawn = strokes.filter((stroke) => stroke.tool === "pen").flatMap((stroke) => stroke.points);
  const [low, high] = [Math.min, Math.max].map((end) => [0, 1].map((axis) => drawn.reduce((least, point) => end(least, point[axis]), drawn[0][axis])));
  const extent = Math.max(high[0] - low[0], high[1] - low[1]);
  const factor = extent ? (1 - 2 * MARGIN) / extent : 1;
  const place = (/** @type {number} */ value, /** @type {number} */ axis) => 0.5 + (value - (low[axis] + high[axis]) / 2) * factor;
  // The pen keeps its width: it is the person's, and what the search was taught with. The eraser takes away what it took.
  return strokes.map((stroke) => ({ ...stroke, width: stroke.tool === "eraser" ? stroke.width * factor : stroke.width,
    points: stroke.points.map(([x, y, ...rest]) => [place(x, 0), place(y, 1), ...rest]) }));
}
