// The page's words in the visitor's language. English stands in the code; a translation comes with the page.

const SINGLE_DIGITS = 100;

/** @type {{messages: Record<string, string|string[]>, plurals: string}} */
const { messages, plurals } = JSON.parse(document.getElementById("translation")?.textContent || '{"messages": {}, "plurals": ""}');
const numbers = new Intl.NumberFormat(document.documentElement.lang);

/** @typedef {Record<string, string|number>} Values */

/** `_("Remove {name}?", { name })` @param {string} message in English @param {Values} [values] */
export const _ = (message, values = {}) => filled(/** @type {string} */ (messages[message]) ?? message, values);

/**
 * `ngettext("{n} photo", "{n} photos", n)`: the form that fits the number, and the number in it.
 * @param {string} one @param {string} many @param {number} n @param {Values} [values]
 */
export function ngettext(one, many, n, values = {}) {
  const forms = messages[one];
  const text = forms ? forms[Number(plurals[n < SINGLE_DIGITS ? n : SINGLE_DIGITS + (n % SINGLE_DIGITS)])] : n === 1 ? one : many;
  return filled(text, { n, ...values });
}

/** @param {string} text @param {Values} values */
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));

/** @param {string|number} value */
const shown = (value) => (typeof value === "number" ? numbers.format(value) : value);
