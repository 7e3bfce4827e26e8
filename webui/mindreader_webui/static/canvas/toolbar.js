// The tools beside the canvas, their keys, and what takes a sketch out of the page.

import { byId, saveFile, setDisabled, showError, toast } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { HASH, fromLink, toLink, toSvg } from "./export.js";
import { MOVES, fitted, shape } from "./shapes.js";
import { asPng } from "./strokes.js";

/** @import { DrawingCanvas } from "./drawing_canvas.js" */

const PNG_SIDE = 1024;

export class Toolbar {
  /** @param {DrawingCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.sketch = canvas.sketch;
    this.width = byId("width", HTMLInputElement);
    this.width.oninput = () => (canvas.width = this.width.valueAsNumber);
    byId("pen").onclick = () => this.use("pen");
    byId("eraser").onclick = () => this.use("eraser");
    byId("undo").onclick = () => this.sketch.undo();
    byId("redo").onclick = () => this.sketch.redo();
    byId("fit").onclick = () => this.fit();
    byId("link").onclick = () => this.copyLink().catch(showError);
    byId("png").onclick = async () => saveFile(await asPng(this.sketch.strokes, PNG_SIDE), "sketch.png");
    byId("svg").onclick = () => {
      saveFile(new Blob([toSvg(this.sketch.strokes)], { type: "image/svg+xml" }), "sketch.svg");
    };
    const shapes = byId("shape", HTMLSelectElement);
    shapes.onchange = () => {
      if (shapes.value) this.sketch.add(shape(shapes.value, canvas.width));
      shapes.value = "";
      canvas.element.focus();
    };
    canvas.element.addEventListener("keydown", (event) => this.onCanvasKey(event));
    document.addEventListener("keydown", (event) => this.onKey(event));
    addEventListener("hashchange", () => this.openLink());
  }

  /** @param {"pen"|"eraser"} tool */
  use(tool) {
    this.canvas.tool = tool;
    for (const name of ["pen", "eraser"]) byId(name).setAttribute("aria-pressed", String(name === tool));
  }

  fit() {
    if (!this.sketch.empty) this.sketch.replace(fitted(this.sketch.strokes));
  }

  refresh() {
    setDisabled(!this.sketch.past.length, "undo");
    setDisabled(!this.sketch.future.length, "redo");
    setDisabled(this.sketch.empty, "fit", "save-sketch", "link", "png", "svg");
  }

  /** Move and size the stroke drawn last. @param {KeyboardEvent} event */
  onCanvasKey(event) {
    const last = this.sketch.strokes.at(-1);
    const move = MOVES[event.key];
    if (!last || !move) return;
    event.preventDefault();
    this.sketch.replace([...this.sketch.strokes.slice(0, -1), move(last)]);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (/** @type {HTMLElement} */ (event.target).matches("input:not([type=range]), select, textarea")) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === "z") {
      event.preventDefault();
      if (event.shiftKey) this.sketch.redo();
      else this.sketch.undo();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey) this.shortcut(key);
  }

  /** @param {string} key */
  shortcut(key) {
    if (key === "b") this.use("pen");
    else if (key === "e") this.use("eraser");
    else if (key === "f") this.fit();
    else if (key === "[") this.widen(-1);
    else if (key === "]") this.widen(1);
  }

  /** @param {number} steps */
  widen(steps) {
    this.width.stepUp(steps);
    this.canvas.width = this.width.valueAsNumber;
  }

  async copyLink() {
    const link = await toLink(this.sketch.strokes);
    if (!link) return toast(_("This sketch is too long for a link. Save it as SVG instead."));
    try {
      await navigator.clipboard.writeText(link);
      toast(_("The link is copied. Whoever opens it sees this sketch, and searches what they may see."));
    } catch {
      location.hash = new URL(link).hash;
      toast(_("The link stands in the address bar: copy it from there."));
    }
  }

  /** A link may bring a sketch; the one that was here is one undo away. */
  async openLink() {
    const strokes = await fromLink(location.hash);
    if (location.hash.startsWith(HASH)) history.replaceState(null, "", location.pathname);
    if (strokes) this.sketch.replace(strokes);
  }
}
