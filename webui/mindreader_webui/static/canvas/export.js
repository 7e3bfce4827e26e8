// A sketch outside the page: a link that holds it, an SVG, a PNG.

/** @typedef {import("./strokes.js").Stroke} Stroke */

const MARK = "#sketch=";
const DIGITS = 1000;
const LONGEST = 20000;

/** Strokes as text short enough for an address. @param {Stroke[]} strokes */
export async function asLink(strokes) {
  const rounded = strokes.map(({ tool, width, points }) => [tool === "pen" ? 0 : 1, width, points.map((point) => point.map((n) => Math.round(n * DIGITS)))]);
  const packed = await pass(new Blob([JSON.stringify(rounded)]).stream(), new CompressionStream("deflate-raw"));
  const text = btoa(String.fromCharCode(...packed)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return text.length > LONGEST ? null : `${location.origin}/${MARK}${text}`;
}

/** The sketch an address holds, if it holds one. @param {string} hash @returns {Promise<Stroke[]|null>} */
export async function fromLink(hash) {
  if (!hash.startsWith(MARK) || hash.length > LONGEST + MARK.length) return null;
  try {
    const binary = atob(hash.slice(MARK.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    const packed = await pass(new Blob([bytes]).stream(), new DecompressionStream("deflate-raw"));
    const strokes = JSON.parse(new TextDecoder().decode(packed)).map(stroke);
    return strokes.every(sound) ? strokes : null;
  } catch { return null; }
}

/** @param {any[]} row @returns {Stroke} */
const stroke = ([tool, width, points]) => ({ tool: tool === 1 ? "eraser" : "pen", width: Number(width), points: points.map((/** @type {number[]} */ point) => point.map((n) => n / DIGITS)) });

/** A link comes from anywhere: only numbers, and only as many as a drawing has. @param {Stroke} stroke */
const sound = ({ width, points }) => width > 0 && width < 50 && points.length > 0 && points.every((point) => (point.length === 2 || point.length === 3) && point.every(Number.isFinite));

/** @param {ReadableStream} stream @param {any} through */
async function pass(stream, through) {
  return new Uint8Array(await new Response(stream.pipeThrough(through)).arrayBuffer());
}

/** Strokes as an SVG image; what the eraser took away is covered by a mask. @param {Stroke[]} strokes */
export function asSvg(strokes) {
  const path = (/** @type {Stroke} */ { width, points }, /** @type {string} */ colour) =>
    `<path d="M${points.map(([x, y]) => `${(x * 100).toFixed(2)} ${(y * 100).toFixed(2)}`).join("L")}${points.length === 1 ? "h0" : ""}" stroke="${colour}" stroke-width="${width}"/>`;
  const groups = strokes.reduce((inner, each, i) => each.tool === "pen"
    ? `${inner}${path(each, "#000")}`
    : `<mask id="m${i}"><rect width="100" height="100" fill="#fff"/>${path(each, "#000")}</mask><g mask="url(#m${i})">${inner}</g>`, "");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" fill="none" stroke-linecap="round" stroke-linejoin="round"><rect width="100" height="100" fill="#fff"/>${groups}</svg>`;
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
