// Choosing photos of a grid: by click, by range, with the keyboard; and what can be done with them.

import { call } from "../lib/api.js";
import { ask, make, say } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

const AT_ONCE = 1000;
const STEPS = /** @type {Record<string, (columns: number) => number>} */ ({ ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: (columns) => -columns, ArrowDown: (columns) => columns });

export class Selection {
  /** @param {{list: HTMLElement, photos: any[], tiles: Map<number, HTMLElement>, columns: number, focus: (index: number) => void}} grid @param {() => void} changed what is chosen, or whether anything can be, changed */
  constructor(grid, changed) {
    this.grid = grid;
    this.changed = changed;
    this.active = false;
    /** @type {Set<number>} ids */
    this.chosen = new Set();
    this.anchor = 0;
    grid.list.addEventListener("keydown", (event) => this.key(event));
    addEventListener("keydown", (event) => { if (event.key === "Escape" && this.active && !document.querySelector("dialog[open]")) this.stop(); });
  }

  start() { this.active = true; this.refresh(); }

  stop() { this.active = false; this.chosen.clear(); this.refresh(); }

  clear() { this.chosen.clear(); this.refresh(); }

  all() { this.grid.photos.forEach((photo) => this.chosen.add(photo.id)); this.refresh(); }

  /** A click on a tile; says whether it chose something. @param {number} index @param {MouseEvent} event */
  click(index, event) {
    if (!this.active && !event.shiftKey && !event.ctrlKey && !event.metaKey) return false;
    this.active = true;
    if (event.shiftKey) this.range(index);
    else this.toggle(index);
    return true;
  }

  /** @param {number} index */
  toggle(index) {
    const { id } = this.grid.photos[index];
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.anchor = index;
    this.refresh();
  }

  /** From the one chosen last to this one. @param {number} index */
  range(index) {
    const [from, to] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
    this.grid.photos.slice(from, to + 1).forEach((photo) => this.chosen.add(photo.id));
    this.refresh();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target).closest("li");
    if (!target) return;
    const index = Number(target.dataset.index);
    const last = this.grid.photos.length - 1;
    if (event.key in STEPS) {
      const to = Math.min(last, Math.max(0, index + STEPS[event.key](this.grid.columns)));
      event.preventDefault();
      if (event.shiftKey && this.active) this.range(to);
      this.grid.focus(to);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && this.active) {
      event.preventDefault();
      this.all();
    }
  }

  refresh() {
    for (const [index, tile] of this.grid.tiles) this.mark(tile, this.grid.photos[index]);
    this.grid.list.classList.toggle("choosing", this.active);
    this.changed();
  }

  /** @param {HTMLElement} tile @param {any} photo */
  mark(tile, photo) {
    const button = tile.querySelector("button");
    if (this.active) button?.setAttribute("aria-pressed", String(this.chosen.has(photo.id)));
    else button?.removeAttribute("aria-pressed");
  }
}

/**
 * Ask the server about many photos, a thousand at a time.
 * @param {string} path @param {number[]} ids @param {object} [more] @returns {Promise<any[]>}
 */
async function inPieces(path, ids, more = {}) {
  const answers = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) answers.push(await call("POST", path, { photo_ids: ids.slice(start, start + AT_ONCE), ...more }));
  return answers;
}

/** @param {number[]} ids @param {string[]} known names of categories @param {(name: string|null) => void} done */
export function askCategory(ids, known, done) {
  const input = make("input", { list: "known-categories", maxlength: 200, placeholder: _("None") });
  const names = make("datalist", { id: "known-categories" }, ...known.map((name) => make("option", { value: name })));
  ask(ngettext("Category of {n} photo", "Category of {n} photos", ids.length), make("label", {}, _("Category (leave empty for none)"), " ", input, names), _("Set"), async () => {
    const name = input.value.trim() || null;
    await inPieces("/photos/category", ids, { category: name }).then(() => { say(name ? ngettext("{n} photo is “{name}” now.", "{n} photos are “{name}” now.", ids.length, { name }) : _("They have no category now.")); done(name); }).catch(failed);
  });
}

/** @param {number[]} ids @param {any[]} collections the others of this person @param {(gone: number[]) => void} done */
export function askTarget(ids, collections, done) {
  if (!collections.length) { say(_("You have no other collection. Create one in the library first.")); return; }
  const select = make("select", {}, ...collections.map((each) => make("option", { value: each.id }, each.name)));
  ask(ngettext("Move {n} photo", "Move {n} photos", ids.length), make("label", {}, _("Into the collection"), " ", select), _("Move"), async () => {
    await inPieces("/photos/move", ids, { collection_id: Number(select.value) }).then((answers) => {
      const kept = new Set(answers.flatMap((answer) => answer.duplicates));
      say(kept.size ? ngettext("Moved. {n} photo stays: the other collection has it already.", "Moved. {n} photos stay: the other collection has them already.", kept.size) : _("Moved."));
      done(ids.filter((id) => !kept.has(id)));
    }).catch(failed);
  });
}

/** @param {number[]} ids @param {() => void} done */
export function askDelete(ids, done) {
  ask(ngettext("Delete {n} photo?", "Delete {n} photos?", ids.length), make("p", {}, _("They go into the trash, where you can restore them for some time.")), _("Delete"), async () => {
    await inPieces("/photos/delete", ids).then(() => { say(ngettext("{n} photo is deleted.", "{n} photos are deleted.", ids.length)); done(); }).catch(failed);
  }, "danger");
}

/** @param {number[]} ids */
export function download(ids) {
  if (ids.length > AT_ONCE) { say(_("One download holds at most {n} photos. Choose fewer.", { n: AT_ONCE })); return; }
  make("a", { href: `/api/v1/photos/archive?ids=${ranges(ids)}`, download: "" }).click();
}

/** `7,12-15` for 12, 7, 13, 14, 15. @param {number[]} ids */
function ranges(ids) {
  /** @type {[number, number][]} */
  const found = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === id - 1) last[1] = id;
    else found.push([id, id]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}

/** @param {Error} error */
const failed = (error) => say(error.message);

