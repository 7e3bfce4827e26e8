// The pictures on the viewer's buttons: lines on 24 by 24.

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  close: "M6 6l12 12M18 6L6 18",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  larger: "M10 4a6 6 0 100 12 6 6 0 000-12M14.5 14.5L20 20M10 7.5v5M7.5 10h5",
  smaller: "M10 4a6 6 0 100 12 6 6 0 000-12M14.5 14.5L20 20M7.5 10h5",
  info: "M12 3a9 9 0 100 18 9 9 0 000-18M12 11v5.5M12 7.5v.2",
  download: "M12 4v11M7.5 11L12 15.5l4.5-4.5M5 20h14",
  delete: "M5 7h14M9.5 7V4h5v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  more: "M7 11v9H4v-9zM7 11l4-7c1.6 0 2.5 1.2 2 3l-.8 3h5.3c1.5 0 2.3 1.3 2 2.7l-1.2 5.4c-.3 1.2-1 1.9-2.2 1.9H7",
  less: "M7 13V4H4v9zM7 13l4 7c1.6 0 2.5-1.2 2-3l-.8-3h5.3c1.5 0 2.3-1.3 2-2.7l-1.2-5.4C18 4.7 17.3 4 16.1 4H7",
  found: "M3 8V4h4M17 4h4v4M21 16v4h-4M7 20H3v-4M9 9h6v6H9z",
  frame: "M4 9V4h5M14 4h2M4 13v2M10.5 9.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9M14 17.5l5 3.5",
  again: "M19 8a8 8 0 10.6 7M19 3v5h-5",
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {IconName} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
