// What was made of a picture of a drawing, to be corrected and fitted before it is searched with.

import { Fitting } from "../canvas/fitting.js";
import { smaller } from "../canvas/picture_file.js";
import { call } from "../lib/api.js";
import { showCovering } from "../lib/dialog_history.js";
import { byId, messageOf, setDisabled, showError, toast } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { SheetCorners } from "./sheet_corners.js";

/** @import { DrawnPreview } from "../../../typings/api" */

const WAIT_MS = 350;
const GROWTH = 1.15;

/** The page holds a `<dialog id="picture">`. */
export class PictureDialog {
  /** @param {(picture: File) => void} use what is searched with: black strokes on white */
  constructor(use) {
    this.use = use;
    this.dialog = byId("picture", HTMLDialogElement);
    this.image = byId("picture-image", HTMLImageElement);
    this.said = byId("picture-said");
    this.sheet = byId("picture-sheet", HTMLInputElement);
    this.whole = byId("picture-whole", HTMLInputElement);
    this.fitting = new Fitting(byId("picture-result", HTMLCanvasElement));
    this.corners = new SheetCorners(byId("picture-source"), () => this.#askSoon());
    /** @type {Blob|null} */
    this.file = null;
    this.asked = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.sheet.onchange = this.whole.onchange = () => this.#choose();
    byId("picture-smaller").onclick = () => this.fitting.size(1 / GROWTH);
    byId("picture-larger").onclick = () => this.fitting.size(GROWTH);
    byId("picture-turn").onclick = () => this.fitting.turn();
    byId("picture-fill").onclick = () => this.fitting.fill();
    byId("picture-reset").onclick = () => this.fitting.reset();
    byId("picture-use").onclick = () => this.#finish().catch(showError);
    byId("picture-cancel").onclick = () => this.dialog.close();
    this.dialog.addEventListener("close", () => this.#forget());
  }

  /** @param {Blob} file of whatever kind: its bytes say what it is, to the server */
  async open(file) {
    this.image.removeAttribute("src");
    this.corners.hide();
    this.fitting.clear();
    this.fitting.reset();
    byId("status").hidden = true; // what was said of the picture before
    showCovering(this.dialog);
    this.#wait(_("Reading the picture…"));
    const asked = (this.asked += 1);
    const smallest = await smaller(file);
    if (asked !== this.asked) return; // closed meanwhile, or another one was opened
    this.file = smallest;
    await this.#ask("auto");
  }

  #choose() {
    if (this.sheet.checked) this.corners.show(this.corners.corners);
    else this.corners.hide();
    this.#askSoon();
  }

  #askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(this.sheet.checked ? "sheet" : "picture"), WAIT_MS);
  }

  /** Only the answer to what was asked last counts. @param {"auto"|"sheet"|"picture"} reading */
  async #ask(reading) {
    if (!this.file) return;
    const asked = (this.asked += 1);
    this.#wait(_("Reading the picture…"));
    const form = new FormData();
    form.append("sketch", this.file, "picture");
    form.append("reading", reading);
    if (reading === "sheet") for (const each of this.corners.corners.flat()) form.append("corner", each.toFixed(5));
    try {
      const answer = await call("POST", "/drawing-previews", { body: form });
      if (asked === this.asked) await this.#show(answer, reading);
    } catch (error) {
      if (asked === this.asked) this.#fail(messageOf(error), reading);
    }
  }

  /** @param {DrawnPreview} answer @param {"auto"|"sheet"|"picture"} reading */
  async #show({ sketch_url: sketch, picture_url: picture, corners }, reading) {
    if (reading === "auto") {
      this.image.src = picture;
      this.sheet.checked = Boolean(corners);
      this.whole.checked = !corners;
      if (corners) this.corners.show(corners);
    }
    await this.fitting.open(sketch);
    setDisabled(false, "picture-use");
    this.said.textContent = corners
      ? _("The sheet of paper was cut out. Drag its corners if they lie wrong.")
      : _("The whole picture is used. If it shows a sheet of paper, mark it.");
  }

  /** What nothing could be made of is closed; a choice that was wrong can be changed. @param {string} sentence @param {string} reading */
  #fail(sentence, reading) {
    this.said.textContent = sentence;
    this.fitting.clear();
    if (reading !== "auto") return;
    this.dialog.close();
    toast(sentence);
  }

  /** @param {string} sentence */
  #wait(sentence) {
    this.said.textContent = sentence;
    setDisabled(true, "picture-use");
  }

  async #finish() {
    const png = await this.fitting.asPng();
    this.dialog.close();
    this.use(new File([png], "sketch.png", { type: "image/png" }));
  }

  #forget() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.file = null;
    this.fitting.clear();
  }
}
