// Numbers, dates and the order of names as a person reads them, in the page's language.

import { locale, ngettext } from "./i18n.js";

const NOTHING = "\u00a0";
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} value @param {number} [digits] after the decimal point */
export const formatNumber = (value, digits = 0) => {
  const rounded = Number(value.toFixed(digits)) || 0; // not -0
  return rounded.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

/** To a tenth, and no more than it needs. @param {number} value */
export const formatRounded = (value) => value.toLocaleString(locale, { maximumFractionDigits: 1 });

/** @param {number} bytes */
export function formatBytes(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const digits = { maximumFractionDigits: power > 2 ? 1 : 0 };
  return `${(bytes / 1000 ** power).toLocaleString(locale, digits)} ${UNITS[power]}`;
}

/** @param {number} seconds */
export function formatDuration(seconds) {
  if (seconds < 90) return ngettext("{n} second", "{n} seconds", Math.max(1, Math.round(seconds)));
  if (seconds < 5400) return ngettext("{n} minute", "{n} minutes", Math.round(seconds / 60));
  const hours = (seconds / 3600).toLocaleString(locale, { maximumFractionDigits: 1 });
  return ngettext("{hours} hour", "{hours} hours", Math.ceil(seconds / 3600), { hours });
}

/** Names of categories made from folders hold underscores for spaces. @param {string} name as the API gives it */
export const formatCategory = (name) => name.replaceAll("_", " ").trim() || name;

/** @param {number} share 0 to 1 */
export const formatPercent = (share) => share.toLocaleString(locale, { style: "percent" });

export const byName = new Intl.Collator(locale).compare;

/** @param {string} moment as the API gives it */
export const formatDate = (moment) => new Date(moment).toLocaleDateString(locale);

/** @param {string} moment as the API gives it */
export const formatDateTime = (moment) => new Date(moment).toLocaleString(locale);

/** @param {Date} day whose UTC date counts */
export const formatDay = (day) => day.toLocaleDateString(locale, { timeZone: "UTC" });

/** @param {string} day as `2026-11-23` */
export const formatMonth = (day) =>
  new Date(day).toLocaleDateString(locale, { timeZone: "UTC", month: "long", year: "numeric" });

/** Without its year, which stands above it. @param {string} day as `2026-11-23` */
export const formatDayOfMonth = (day) =>
  new Date(day).toLocaleDateString(locale, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" });

/** Without its year, and short. @param {string} moment as the API gives it */
export const formatDayAndMonth = (moment) =>
  new Date(moment).toLocaleDateString(locale, { day: "numeric", month: "short" });

/** Within a month: the day, with its time unless that is midnight, as where only the day is known. @param {string} moment as the API gives it */
export function formatDayAndTime(moment) {
  const day = formatDayAndMonth(moment);
  const time = formatTime(moment);
  return time === NOTHING ? day : `${day}, ${time}`;
}

/** Of a day; nothing, as high as a line, at midnight. @param {string} moment as the API gives it */
export const formatTime = (moment) =>
  moment.endsWith("T00:00:00") ? NOTHING : new Date(moment).toLocaleTimeString(locale, { timeStyle: "short" });

/** To the minute. @param {string} moment as the API gives it */
export const formatMinute = (moment) =>
  new Date(moment).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });

/** A date in full, with its time unless that is midnight, as where only the day is known. @param {string} moment as the API gives it */
export function formatTaken(moment) {
  const isDay = moment.endsWith("T00:00:00");
  return new Date(moment).toLocaleString(locale, { dateStyle: "long", ...(isDay ? {} : { timeStyle: "short" }) });
}
