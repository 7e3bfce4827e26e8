// The page's words in the visitor's language. English stands in the code; a translation comes with the page.

/** @typedef {Record<string, string|number>} Values */
/**
 * `pluralForms` is the rule of the translation's own header (Plural-Forms) as a table, a digit for each number from 0
 * to 199: which form of a message fits it. Larger numbers go by their last two digits, as every such rule does.
 *
 * @typedef {{messages: Record<string, string|string[]>, pluralForms: string}} Translation
 */

const SINGLE_DIGITS = 100;

const embedded = document.getElementById("translation")?.textContent;
/** @type {Translation} */
const { messages, pluralForms } = embedded ? JSON.parse(embedded) : { messages: {}, pluralForms: "" };
const language = document.documentElement.lang;
/** How numbers and dates are written: as in the page's language, and in the visitor's region if it is one of that language (`en-GB`). */
export const locale = navigator.languages.find((each) => each.split("-")[0] === language.split("-")[0]) ?? language;
const numbers = new Intl.NumberFormat(locale);

/** `_("Remove {name}?", { name })` @param {string} message in English @param {Values} [values] */
export function _(message, values = {}) {
  const text = messages[message];
  return interpolate(typeof text === "string" ? text : message, values);
}

/**
 * `ngettext("{n} photo", "{n} photos", n)`: the form that fits the number, and the number in it.
 *
 * @param {string} one
 * @param {string} many
 * @param {number} n
 * @param {Values} [values]
 */
export function ngettext(one, many, n, values = {}) {
  const forms = messages[one];
  const text = Array.isArray(forms) ? forms[pluralForm(n)] : undefined;
  return interpolate(text ?? (n === 1 ? one : many), { n, ...values });
}

/** @param {number} n */
const pluralForm = (n) => Number(pluralForms[n < SINGLE_DIGITS ? n : SINGLE_DIGITS + (n % SINGLE_DIGITS)]);

/** @param {string} text @param {Values} values */
const interpolate = (text, values) =>
  text.replace(/\{(\w+)\}/g, (placeholder, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : (value ?? placeholder);
  });
