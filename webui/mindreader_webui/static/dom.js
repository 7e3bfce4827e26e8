// Small helpers around the document.

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

const numbers = new Intl.NumberFormat(document.documentElement.lang);

/** @param {number} count @param {string} one @param {string} many */
export const counted = (count, one, many) => `${numbers.format(count)} ${count === 1 ? one : many}`;
