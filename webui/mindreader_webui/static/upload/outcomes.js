// What became of each file: counted, listed (what needs a person first), and kept as a table to save.

import { make } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

const LONGEST_LIST = 500;

export class Outcomes {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    /** @type {import("./queue.js").Outcome[]} */
    this.all = [];
    this.counts = { created: 0, duplicate: 0, rejected: 0 };
  }

  /** @param {import("./queue.js").Outcome} outcome */
  add(outcome) {
    this.all.push(outcome);
    this.counts[outcome.status] += 1;
    const line = make("li", { class: outcome.status }, make("span", {}, outcome.file), said(outcome));
    // What needs a person comes first, then what happened last.
    this.list.insertBefore(line, outcome.status === "rejected" ? this.list.firstChild : this.list.children[this.counts.rejected] ?? null);
    if (this.list.children.length > LONGEST_LIST) this.list.lastElementChild?.remove();
  }

  /** @param {number} total */
  sentence(total) {
    const { created, duplicate, rejected } = this.counts;
    return ngettext("{done} of {n} file: {created} uploaded, {duplicate} already there, {rejected} refused",
      "{done} of {n} files: {created} uploaded, {duplicate} already there, {rejected} refused", total, { done: this.all.length, created, duplicate, rejected });
  }

  /** As a file for a spreadsheet. @returns {Blob} */
  table() {
    const cell = (/** @type {string} */ text) => `"${text.replace(/^[=+@-]/, "'$&").replaceAll('"', '""')}"`;
    const lines = this.all.map(({ file, status, reason, where }) => [file, status, reason ?? where ?? ""].map(cell).join(","));
    return new Blob([["file,outcome,more", ...lines].join("\r\n")], { type: "text/csv" });
  }
}

/** @param {import("./queue.js").Outcome} outcome @returns {HTMLElement} */
function said({ status, reason, page, where }) {
  if (status === "rejected") return make("span", {}, reason ?? _("refused"));
  const words = status === "created" ? _("uploaded") : where ? _("you already have this photo in {where}", { where }) : _("you already have this photo");
  return page ? make("a", { href: page, target: "_blank" }, words) : make("span", {}, words);
}
