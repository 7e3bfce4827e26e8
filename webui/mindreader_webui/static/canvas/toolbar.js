// The tools beside the canvas, their keys, and what takes a sketch out of the page.

import { byId, saveFile, setDisabled, showError, toast } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { read, write } from "../lib/storage.js";
import { MOVES, fitted, shape } from "./shapes.js";
import { asPng } from "./strokes.js";

/** @import { DrawingCanvas } from "./drawing_canvas.js" */

const PNG_SIDE = 1024;
const HASH = "#sketch=";
const PLACE = "mindreader.place";
const TEXT_FIELDS = "input:not([type=range], [type=radio], [type=checkbox]), select, textarea";

export class Toolbar {
  /** @param {DrawingCanvas} canvas @param {() => void} onoption whether the place of the drawing counts changed */
  constructor(canvas, onoption) {
    this.canvas = canvas;
    this.sketch = canvas.sketch;
    this.onoption = onoption;
    this.place = byId("place", HTMLInputElement);
    this.widths = [...document.querySelectorAll("#widths input")].filter((input) => input instanceof HTMLInputElement);
    for (const input of this.widths) input.onchange = () => this.widen(0);
    byId("pen").onclick = () => this.use("pen");
    byId("eraser").onclick = () => this.use("eraser");
    byId("undo").onclick = () => this.sketch.undo();
    byId("redo").onclick = () => this.sketch.redo();
    byId("fit").onclick = () => this.fit();
    this.place.checked = read(PLACE) === "true";
    this.place.onchange = () => {
      write(PLACE, String(this.placeCounts));
      this.onoption();
    };
    byId("help").onclick = () => byId("shortcuts", HTMLDialogElement).showModal();
    byId("full-screen").hidden = !document.fullscreenEnabled;
    byId("full-screen").onclick = () => switchFullScreen().catch(showError);
    byId("link").onclick = () => this.copyLink().catch(showError);
    byId("png").onclick = async () => saveFile(await asPng(this.sketch.strokes, PNG_SIDE), "sketch.png");
    byId("svg").onclick = () => this.saveSvg().catch(showError);
    for (const button of byId("shapes").querySelectorAll("button")) {
      button.onclick = () => this.addShape(button.dataset.shape ?? "");
    }
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

  /** Whether a search looks for the drawing where it is and as large as it is. */
  get placeCounts() {
    return this.place.checked;
  }

  /** @param {string} name */
  addShape(name) {
    byId("shapes").hidePopover();
    this.sketch.add(shape(name, this.canvas.width));
    this.canvas.element.focus();
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

  /** Wherever the focus is, but not where text is written or a dialog asks something. @param {KeyboardEvent} event */
  onKey(event) {
    if (event.target instanceof Element && event.target.matches(TEXT_FIELDS)) return;
    if (document.querySelector("dialog[open]")) return;
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey) return;
    const key = `${command ? "Ctrl+" : ""}${command && event.shiftKey ? "Shift+" : ""}${event.key.toLowerCase()}`;
    const act = KEYS[key];
    if (!act) return;
    event.preventDefault();
    act(this);
  }

  /** @param {number} steps to a wider dot, or with a negative number to a finer one */
  widen(steps) {
    const chosen = this.widths.findIndex((input) => input.checked);
    const input = this.widths[Math.min(this.widths.length - 1, Math.max(0, chosen + steps))];
    if (!input) return;
    input.checked = true;
    this.canvas.width = Number(input.value);
  }

  async saveSvg() {
    const { toSvg } = await exporting();
    saveFile(new Blob([toSvg(this.sketch.strokes)], { type: "image/svg+xml" }), "sketch.svg");
  }

  async copyLink() {
    const { toLink } = await exporting();
    const link = await toLink(this.sketch.strokes, this.placeCounts);
    if (!link) return toast(_("This sketch is too long for a link. Save it as SVG instead."));
    try {
      await navigator.clipboard.writeText(link);
      toast(_("The link is copied. Whoever opens it sees this sketch, and searches what they may see."));
    } catch {
      history.replaceState(history.state, "", link);
      toast(_("The link stands in the address bar: copy it from there."));
    }
  }

  /** A link may bring a sketch; the one that was here is one undo away. */
  async openLink() {
    if (!location.hash.startsWith(HASH)) return;
    const { fromLink } = await exporting();
    const strokes = await fromLink(location.hash);
    this.place.checked = new URLSearchParams(location.search).get("place") === "true";
    write(PLACE, String(this.placeCounts));
    history.replaceState(null, "", location.pathname);
    if (strokes) this.sketch.replace(strokes);
  }
}

const exporting = () => import("./export.js");

/** @type {Record<string, (toolbar: Toolbar) => void>} */
const KEYS = {
  b: (toolbar) => toolbar.use("pen"),
  e: (toolbar) => toolbar.use("eraser"),
  f: (toolbar) => toolbar.fit(),
  p: (toolbar) => toolbar.place.click(),
  "[": (toolbar) => toolbar.widen(-1),
  "]": (toolbar) => toolbar.widen(1),
  "?": () => byId("help").click(),
  "Ctrl+z": (toolbar) => toolbar.sketch.undo(),
  "Ctrl+y": (toolbar) => toolbar.sketch.redo(),
  "Ctrl+Shift+z": (toolbar) => toolbar.sketch.redo(),
};

const switchFullScreen = () =>
  document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
