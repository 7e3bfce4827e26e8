// Small helpers around the document.

import { _ } from "./i18n.js";

/** @typedef {string|number|boolean|null|undefined|((event: Event) => unknown)} Attribute */

const TOAST_MS = 6000;
const UNDO_MS = 12_000;

/**
 * The element with this id. With a class its own properties are known: `byId("name", HTMLInputElement).value`.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type]
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof (type ?? HTMLElement))) throw new Error(`The page has no ${type?.name ?? "element"} #${id}`);
  return /** @type {T} */ (found);
}

/**
 * Make an element: `h("li", { class: "x" }, "text", child)`.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Attribute>} [attributes] functions are listeners, by the names HTML has for them: "onclick"
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") Reflect.set(element, name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** @param {boolean} disabled @param {...string} ids of buttons and fields */
export function setDisabled(disabled, ...ids) {
  for (const id of ids) byId(id).toggleAttribute("disabled", disabled);
}

/** How many tiles stand beside each other. @param {HTMLElement} list with the class "grid" */
export const columnsOf = (list) => getComputedStyle(list).gridTemplateColumns.split(" ").length;

/** @type {ReturnType<typeof setTimeout>|undefined} */
let toastTimer;
/** @type {HTMLElement|undefined} */
let status;

/**
 * Show a sentence in the corner for a while, and say it to screen readers.
 *
 * @param {string} sentence
 * @param {() => unknown} [undo] takes back what the sentence says
 */
export function toast(sentence, undo) {
  const shown = (status ??= byId("status"));
  const hide = () => (shown.hidden = true);
  const start = () => (toastTimer = setTimeout(hide, undo ? UNDO_MS : TOAST_MS));
  const stop = () => clearTimeout(toastTimer);
  const button = h("button", { onclick: () => (hide(), undo?.()), onfocus: stop, onblur: start }, _("Undo"));
  stop();
  shown.replaceChildren(sentence, ...(undo ? [button] : []));
  shown.hidden = false;
  keepInReach(shown);
  shown.onpointerenter = stop; // while somebody is about to press the button it stays
  shown.onpointerleave = start;
  start();
}

/** An open dialog makes everything beside it unreachable: until it closes the toast is in it. @param {HTMLElement} shown */
function keepInReach(shown) {
  const dialog = document.activeElement?.closest("dialog:modal") ?? document.querySelector("dialog:modal");
  (dialog ?? document.body).append(shown);
  dialog?.addEventListener("close", () => shown.parentElement === dialog && document.body.append(shown), {
    once: true,
  });
}

/** For `catch`. @param {unknown} error */
export const showError = (error) => toast(messageOf(error));

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Ask before doing something; the content may hold fields. The page holds a `<dialog id="dialog">`.
 *
 * @param {string} title
 * @param {HTMLElement} content
 * @param {string} label of the button that confirms
 * @param {() => unknown} onConfirm
 * @param {"primary"|"danger"} [kind]
 */
export function confirmDialog(title, content, label, onConfirm, kind = "primary") {
  const dialog = byId("dialog", HTMLDialogElement);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, _("Cancel"));
  const buttons = h("div", { class: "row" }, h("button", { class: kind }, label), cancel);
  dialog.replaceChildren(
    h("form", { method: "dialog", class: "stack", onsubmit: onConfirm }, h("h2", {}, title), content, buttons),
  );
  dialog.showModal();
}

/**
 * Send a form by script. Until now its button was disabled: without a module the form would go nowhere.
 *
 * @param {HTMLFormElement} form
 * @param {() => Promise<unknown>} submit
 */
export function onSubmit(form, submit) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit().catch(showError);
  });
  form.querySelector("button")?.removeAttribute("disabled");
}

/**
 * Load now and then again and again while the page is seen.
 *
 * @param {() => Promise<unknown>} load
 * @param {number} milliseconds
 */
export async function poll(load, milliseconds) {
  await load();
  setTimeout(async function again() {
    if (!document.hidden) await load().catch(showError);
    setTimeout(again, milliseconds);
  }, milliseconds);
}

/** Offer a file to save. @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * A style sheet for what is not on the page from the start.
 *
 * @param {URL} url
 * @returns {Promise<unknown>} once it applies
 */
export function loadStyle(url) {
  const link = h("link", { rel: "stylesheet", href: url.href });
  return new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = () => {
      link.remove();
      reject(new Error(_("A part of this page could not be loaded. Try again.")));
    };
    document.head.append(link);
  });
}
