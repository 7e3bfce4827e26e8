// A sketch outside the page: a link that holds it, an SVG.

/** @import { Point, Stroke } from "./strokes.js" */
/** @typedef {[tool: number, width: number, points: number[][]]} Row a stroke in a link; points in thousandths */

export const HASH = "#sketch=";
const DIGITS = 1000;
const LONGEST = 20000;
const WIDEST = 50;

/** A link that holds the strokes; null if it would be too long. @param {Stroke[]} strokes @param {boolean} [place] whether their place counts */
export async function toLink(strokes, place = false) {
  const rows = strokes.map(toRow);
  const packed = await piped(new Blob([JSON.stringify(rows)]), new CompressionStream("deflate-raw"));
  const text = btoa(String.fromCharCode(...packed));
  const safe = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return safe.length > LONGEST ? null : `${location.origin}/${place ? "?place=true" : ""}${HASH}${safe}`;
}

/** The sketch an address holds, if it holds one. @param {string} hash @returns {Promise<Stroke[]|null>} */
export async function fromLink(hash) {
  if (!hash.startsWith(HASH) || hash.length > LONGEST + HASH.length) return null;
  try {
    const binary = atob(hash.slice(HASH.length).replaceAll("-", "+").replaceAll("_", "/"));
    const packed = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    const text = await piped(new Blob([packed]), new DecompressionStream("deflate-raw"));
    /** @type {Row[]} */
    const rows = JSON.parse(new TextDecoder().decode(text));
    const strokes = rows.map(fromRow);
    return strokes.every(isDrawable) ? strokes : null;
  } catch {
    return null;
  }
}

/** @param {Stroke} stroke @returns {Row} */
const toRow = ({ tool, width, points }) => [
  tool === "pen" ? 0 : 1,
  width,
  points.map((point) => point.map((number) => Math.round(number * DIGITS))),
];

/** @param {Row} row @returns {Stroke} */
const fromRow = ([tool, width, points]) => ({
  tool: tool === 1 ? "eraser" : "pen",
  width: Number(width),
  points: points.map((point) => /** @type {Point} */ (point.map((number) => number / DIGITS))),
});

/** A link or a file comes from anywhere: only numbers, and only as many as a drawing has. @param {Stroke} stroke */
export const isDrawable = ({ width, points }) =>
  width > 0 && width < WIDEST && points.length > 0 && points.every(isPoint);

/** @param {Point} point */
const isPoint = (point) => (point.length === 2 || point.length === 3) && point.every(Number.isFinite);

/** @param {Blob} blob @param {CompressionStream|DecompressionStream} transform */
async function piped(blob, transform) {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(transform)).arrayBuffer());
}

/** Strokes as an SVG image; what the eraser took away is covered by a mask. @param {Stroke[]} strokes */
export function toSvg(strokes) {
  const groups = strokes.reduce(
    (below, stroke, i) => (stroke.tool === "pen" ? below + path(stroke) : masked(below, stroke, i)),
    "",
  );
  const style = 'fill="none" stroke-linecap="round" stroke-linejoin="round"';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" ${style}>${WHITE}${groups}</svg>`;
}

const WHITE = '<rect width="100" height="100" fill="#fff"/>';

/** @param {string} content @param {Stroke} eraser @param {number} i its number */
const masked = (content, eraser, i) =>
  `<mask id="m${i}">${WHITE}${path(eraser)}</mask><g mask="url(#m${i})">${content}</g>`;

/** @param {Stroke} stroke */
function path({ width, points }) {
  const places = points.map(([x, y]) => `${(x * 100).toFixed(2)} ${(y * 100).toFixed(2)}`).join("L");
  const dot = points.length === 1 ? "h0" : "";
  const pressures = points.map(([, , pressure]) => pressure);
  const pressed = pressures.some((each) => each !== undefined) ? ` data-pressure="${pressures.join(" ")}"` : "";
  return `<path d="M${places}${dot}"${pressed} stroke="#000" stroke-width="${width}"/>`;
}
