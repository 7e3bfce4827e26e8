// An SVG that this page exported, as strokes again. Fetched when a picture is opened.

import { isDrawable, toSvg } from "./export.js";

/** @import { Point, Stroke } from "./strokes.js" */

const LONGEST_SVG = 4_000_000;
const PATH = /<path d="M([^"]*)"(?: data-pressure="([^"]*)")? stroke="#000" stroke-width="([^"]*)"\/>(<\/mask>)?/g;
const MASK = /<mask id="m(\d+)">/g;

/**
 * The strokes of an SVG that `toSvg` made; null for any other. Whether it did is seen by making it again: where another
 * program changed anything, strokes would not be what the picture shows.
 *
 * @param {Blob} file
 * @returns {Promise<Stroke[]|null>}
 */
export async function fromSvg(file) {
  if (file.size > LONGEST_SVG) return null;
  const text = (await file.text()).trim();
  const strokes = inOrder([...text.matchAll(PATH)], [...text.matchAll(MASK)]);
  return strokes.length && strokes.every(isDrawable) && toSvg(strokes) === text ? strokes : null;
}

/**
 * A mask stands before all that it covers, and knows the number of its eraser; pens stand in the order they drew in.
 *
 * @param {RegExpExecArray[]} paths
 * @param {RegExpExecArray[]} masks
 */
function inOrder(paths, masks) {
  const strokes = paths.filter(([, , , , masks]) => !masks).map((found) => toStroke("pen", found));
  const erasers = paths.filter(([, , , , masks]) => masks).map((found) => toStroke("eraser", found));
  const numbered = masks.map(([, number], i) => ({ number: Number(number), eraser: erasers[i] }));
  for (const { number, eraser } of numbered.sort((a, b) => a.number - b.number)) {
    if (eraser) strokes.splice(number, 0, eraser);
  }
  return strokes;
}

/** @param {Stroke["tool"]} tool @param {RegExpExecArray} found @returns {Stroke} */
function toStroke(tool, [, places = "", pressures, width]) {
  const pressure = pressures?.split(" ").map(Number);
  const points = places
    .replace("h0", "")
    .split("L")
    .map((place, i) => {
      const point = place.split(" ").map((number) => Math.round(Number(number) * 100) / 10_000);
      return /** @type {Point} */ (pressure ? [...point, pressure[i] ?? NaN] : point);
    });
  return { tool, width: Number(width), points };
}
