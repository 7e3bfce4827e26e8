// A drawing laid on the sheet as it is searched with: moved, sized and turned, by fingers, mouse, wheel or keys.

/** @typedef {{x: number, y: number, scale: number, turns: number}} View where its middle lies, in sides of the sheet */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box in shares of the drawing's side */

const SIDE = 512;
const STEP = 0.02;
const GROWTH = 1.08;
const WHEEL = 0.0015;
const MARGIN = 0.08;
const [LEAST, MOST] = [0.2, 8];
const INK = 160;

/** @type {View} */
const UNTOUCHED = { x: 0, y: 0, scale: 1, turns: 0 };

/** @type {Record<string, (view: View) => View>} what a key does */
const KEYS = {
  ArrowLeft: (view) => moved(view, -STEP, 0),
  ArrowRight: (view) => moved(view, STEP, 0),
  ArrowUp: (view) => moved(view, 0, -STEP),
  ArrowDown: (view) => moved(view, 0, STEP),
  "+": (view) => sized(view, GROWTH),
  "=": (view) => sized(view, GROWTH),
  "-": (view) => sized(view, 1 / GROWTH),
  r: (view) => turned(view),
};

/** @param {View} view @param {number} dx @param {number} dy @returns {View} */
export const moved = (view, dx, dy) => ({ ...view, x: inside(view.x + dx), y: inside(view.y + dy) });

/** The middle of the drawing stays on the sheet. @param {number} value */
const inside = (value) => Math.min(0.5, Math.max(-0.5, value));

/** @param {View} view @param {number} factor @returns {View} */
export const sized = (view, factor) => ({ ...view, scale: Math.min(MOST, Math.max(LEAST, view.scale * factor)) });

/** A quarter clockwise, around the middle of the sheet. @param {View} view @returns {View} */
export const turned = (view) => ({ ...view, x: -view.y, y: view.x, turns: (view.turns + 1) % 4 });

/** So that what is drawn fills the sheet but for a margin, turned as it was. @param {View} view @param {Box} box @returns {View} */
export function filling(view, { left, top, right, bottom }) {
  const scale = Math.min(MOST, (1 - 2 * MARGIN) / Math.max(right - left, bottom - top));
  const [x, y] = [-((left + right) / 2 - 0.5) * scale, -((top + bottom) / 2 - 0.5) * scale];
  let filled = { x, y, scale, turns: 0 };
  while (filled.turns !== view.turns) filled = turned(filled);
  return filled;
}

export class Fitting {
  /** @param {HTMLCanvasElement} element */
  constructor(element) {
    this.element = element;
    element.width = element.height = SIDE;
    this.context = /** @type {CanvasRenderingContext2D} */ (element.getContext("2d", { willReadFrequently: true }));
    /** @type {HTMLImageElement|null} */
    this.drawing = null;
    this.view = UNTOUCHED;
    /** @type {Map<number, PointerEvent>} */
    this.pointers = new Map();
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, (event) => this.pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Another drawing; it lies as the one before did. @param {string} url of a square image */
  async open(url) {
    const drawing = new Image();
    drawing.src = url;
    await drawing.decode();
    this.drawing = drawing;
    this.look(this.view);
  }

  clear() {
    this.drawing = null;
    this.look(this.view);
  }

  reset() {
    this.look(UNTOUCHED);
  }

  turn() {
    this.look(turned(this.view));
  }

  /** @param {number} factor */
  size(factor) {
    this.look(sized(this.view, factor));
  }

  fill() {
    const before = this.view;
    this.look(UNTOUCHED);
    const box = this.#inkBox();
    this.look(box ? filling(before, box) : before);
  }

  /** @param {View} view */
  look(view) {
    this.view = view;
    const { context, drawing } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    if (!drawing) return;
    context.translate((0.5 + view.x) * SIDE, (0.5 + view.y) * SIDE);
    context.rotate((view.turns * Math.PI) / 2);
    context.scale(view.scale, view.scale);
    context.imageSmoothingQuality = "high";
    context.drawImage(drawing, -SIDE / 2, -SIDE / 2, SIDE, SIDE);
  }

  /** As it lies there. @returns {Promise<Blob>} a PNG */
  asPng() {
    return new Promise((resolve, reject) => {
      this.element.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error("This browser makes no PNG"))),
        "image/png",
      );
    });
  }

  /** Where on the sheet there is ink. @returns {Box|null} */
  #inkBox() {
    const { data } = this.context.getImageData(0, 0, SIDE, SIDE);
    const [xs, ys] = [new Set(), new Set()];
    for (let i = 0; i < SIDE * SIDE; i += 1) {
      if ((data[4 * i] ?? 255) > INK) continue;
      xs.add(i % SIDE);
      ys.add(Math.floor(i / SIDE));
    }
    if (!xs.size) return null;
    const [x, y] = [range(xs), range(ys)];
    return { left: x.low / SIDE, top: y.low / SIDE, right: (x.high + 1) / SIDE, bottom: (y.high + 1) / SIDE };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    event.preventDefault();
    this.element.focus();
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
  }

  /** One finger moves, two size as well. @param {PointerEvent} event */
  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const side = this.element.getBoundingClientRect().width;
    const share = 1 / (side * this.pointers.size);
    let view = moved(this.view, (event.clientX - before.clientX) * share, (event.clientY - before.clientY) * share);
    const other = [...this.pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    if (other) view = sized(view, distance(event, other) / Math.max(1, distance(before, other)));
    this.pointers.set(event.pointerId, event);
    this.look(view);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.size(Math.exp(-event.deltaY * WHEEL));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const change = KEYS[event.key];
    if (!change || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.look(change(this.view));
  }
}

/** @param {PointerEvent} one @param {PointerEvent} other */
const distance = (one, other) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);

/** @param {Set<number>} values */
function range(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return { low, high };
}
