// What became of each file: counted, listed (what needs a person first), and kept as a table to save.

import { h } from "../lib/dom.js";
import { _, ngettext } from "../lib/i18n.js";

/** @import { Outcome } from "./queue.js" */

const LONGEST_LIST = 500;

export class Outcomes {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    /** @type {Outcome[]} */
    this.all = [];
    this.counts = { created: 0, duplicate: 0, rejected: 0 };
  }

  /** @param {Outcome} outcome */
  add(outcome) {
    this.all.push(outcome);
    this.counts[outcome.status] += 1;
    const line = h("li", { class: outcome.status }, h("span", {}, outcome.file), described(outcome));
    // What needs a person comes first, then what happened last.
    const rejected = outcome.status === "rejected";
    const below = rejected ? this.list.firstChild : this.list.children[this.counts.rejected];
    this.list.insertBefore(line, below ?? null);
    if (this.list.children.length > LONGEST_LIST) this.list.lastElementChild?.remove();
  }

  /** @param {number} total */
  sentence(total) {
    return ngettext(
      "{done} of {n} file: {created} uploaded, {duplicate} already there, {rejected} refused",
      "{done} of {n} files: {created} uploaded, {duplicate} already there, {rejected} refused",
      total,
      { done: this.all.length, ...this.counts },
    );
  }

  /** As a file for a spreadsheet. @returns {Blob} */
  table() {
    const rows = this.all.map(({ file, status, reason, where }) => [file, status, reason ?? where ?? ""]);
    const lines = rows.map((row) => row.map(cell).join(","));
    return new Blob([["file,outcome,more", ...lines].join("\r\n")], { type: "text/csv" });
  }
}

/** What begins like a formula is no formula: file names come from anywhere. @param {string} text */
const cell = (text) => `"${text.replace(/^[=+@-]/, "'$&").replaceAll('"', '""')}"`;

/** @param {Outcome} outcome @returns {HTMLElement} */
function described({ status, reason, page, where }) {
  if (status === "rejected") return h("span", {}, reason ?? _("refused"));
  const words = status === "created" ? _("uploaded") : alreadyThere(where);
  return page ? h("a", { href: page, target: "_blank" }, words) : h("span", {}, words);
}

/** @param {string} [where] */
const alreadyThere = (where) =>
  where ? _("you already have this photo in {where}", { where }) : _("you already have this photo");
