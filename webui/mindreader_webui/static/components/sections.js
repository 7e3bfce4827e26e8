// Days with counts, as the server lists them, become the sections of a grid: months, and days where many were taken.

import { lastAtMost } from "./grid_layout.js";

/** @import { DayCount } from "../../../typings/api" */

/** @typedef {{day: string|null, start: number, count: number}} Day with the index of its first photo */
/**
 * @typedef {object} Section
 * @property {"month"|"day"|"both"|"none"} kind what its heading says; "both": the first day of a month in days
 * @property {string|null} day its first day
 * @property {number} start
 * @property {number} count
 * @property {number} inMonth how many photos its month has, where it begins one
 */

const SPLIT_FROM = 6; // photos a day, on an average: with fewer, days would be rows with one photo

/** @param {DayCount[]} counts @returns {Day[]} */
export function placed(counts) {
  let start = 0;
  return counts.map(({ day, photos: count }) => {
    const first = start;
    start += count;
    return { day, start: first, count };
  });
}

/** @param {Day[]} days in their order @returns {Section[]} */
export function sectionsOf(days) {
  return months(days).flatMap(sectionsOfMonth);
}

/** Neighbours of one month together. @param {Day[]} days */
function months(days) {
  /** @type {Day[][]} */
  const together = [];
  for (const day of days) {
    const last = together.at(-1);
    if (last && monthOf(last[0]?.day) === monthOf(day.day)) last.push(day);
    else together.push([day]);
  }
  return together;
}

/** @param {Day[]} days @returns {Section[]} */
function sectionsOfMonth(days) {
  const [first] = days;
  if (!first) return [];
  const count = days.reduce((sum, each) => sum + each.count, 0);
  if (first.day === null) return [{ kind: "none", day: null, start: first.start, count, inMonth: count }];
  if (days.length === 1 || count < SPLIT_FROM * days.length)
    return [{ ...first, kind: "month", count, inMonth: count }];
  return days.map((day, n) => ({ ...day, kind: n ? "day" : "both", inMonth: n ? 0 : count }));
}

/** `2024-05` of `2024-05-31`. @param {string|null|undefined} day */
export const monthOf = (day) => day?.slice(0, 7) ?? null;

/** Number of the day a photo is of. @param {Day[]} days @param {number} index */
export const dayAt = (days, index) => lastAtMost(days, index, ({ start }) => start);

/**
 * The days without some photos.
 *
 * @param {Day[]} days
 * @param {number[]} removed indexes, rising
 */
export function without(days, removed) {
  const counts = days.map(({ day, count }) => ({ day, photos: count }));
  for (const index of removed) {
    const day = counts[dayAt(days, index)];
    if (day) day.photos -= 1;
  }
  return placed(counts.filter(({ photos }) => photos > 0));
}
