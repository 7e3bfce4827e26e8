// Small helpers around the document.

import { _, ngettext } from "./i18n.js";

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element: `make("li", {class: "x"}, "text", child)`.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] names that begin with "on" are listeners
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let fading;

/** Say something in the corner, and to screen readers. @param {string} sentence */
export function say(sentence) {
  const toast = byId("status");
  toast.textContent = sentence;
  toast.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toast.hidden = true; }, 6000);
}

/**
 * Ask before doing something. The page holds a `<dialog id="dialog">`.
 * @param {string} title @param {HTMLElement} content @param {string} word @param {() => void} yes @param {string} [kind]
 */
export function ask(title, content, word, yes, kind = "primary") {
  const dialog = byId("dialog");
  const form = make("form", { method: "dialog", class: "stack", onsubmit: yes }, make("h2", {}, title), content,
    make("div", { class: "row" }, make("button", { class: kind }, word), make("button", { type: "button", onclick: () => dialog.close() }, _("Cancel"))));
  dialog.replaceChildren(form);
  dialog.showModal();
}

/** Do something now and then again, as long as somebody looks. @param {() => Promise<any>} look @param {number} milliseconds */
export async function keepLooking(look, milliseconds) {
  await look();
  setTimeout(async function again() {
    if (!document.hidden) await look().catch((/** @type {Error} */ error) => say(error.message));
    setTimeout(again, milliseconds);
  }, milliseconds);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} bytes */
export function size(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toLocaleString(undefined, { maximumFractionDigits: power > 2 ? 1 : 0 })} ${UNITS[power]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return ngettext("{n} second", "{n} seconds", Math.max(1, Math.round(seconds)));
  if (seconds < 5400) return ngettext("{n} minute", "{n} minutes", Math.round(seconds / 60));
  return _("{hours} hours", { hours: (seconds / 3600).toLocaleString(undefined, { maximumFractionDigits: 1 }) });
}
