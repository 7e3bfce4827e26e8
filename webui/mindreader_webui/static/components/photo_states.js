// How many photos cannot be found yet, or not at all, in the words of people who look at photos.

import { ngettext } from "../lib/i18n.js";

/** @param {number} n */
export const waitingSentence = (n) =>
  ngettext("{n} being prepared for searching", "{n} being prepared for searching", n);

/** @param {number} n */
export const failedSentence = (n) => ngettext("{n} failed", "{n} failed", n);
