// Panels that open beside the button that asks for them (`popovertarget`); the browser opens and closes them.

import { byId, showError } from "../lib/dom.js";

const GAP = 6;
const EDGE = 12;
const NARROW = 640;

/** @param {HTMLElement} within whose panels these are */
export function placePopovers(within) {
  for (const panel of within.querySelectorAll("[popover]")) {
    const button = within.querySelector(`[popovertarget="${panel.id}"]`);
    if (panel instanceof HTMLElement && button instanceof HTMLElement) {
      panel.addEventListener("beforetoggle", (event) => {
        if (/** @type {ToggleEvent} */ (event).newState === "open") place(panel, button.getBoundingClientRect());
      });
    }
  }
}

/**
 * What a panel shows is fetched when it is opened, and so is the module that shows it.
 *
 * @template {{load: () => Promise<unknown>}} T
 * @param {string} id of the panel
 * @param {() => Promise<T>} make
 * @returns {() => Promise<T>} what is in it, for what is done there before it came
 */
export function whenOpened(id, make) {
  /** @type {Promise<T>|undefined} */
  let made;
  const get = () => {
    made ??= make();
    made.catch(() => (made = undefined)); // without a connection; the next time asks again
    return made;
  };
  const panel = byId(id);
  panel.addEventListener("toggle", () => {
    if (panel.matches(":popover-open")) {
      get()
        .then((content) => content.load())
        .catch(showError);
    }
  });
  return get;
}

/** On the side of the button where there is more room; on a phone from edge to edge. @param {HTMLElement} panel @param {DOMRect} beside */
function place(panel, { top, bottom, left, right }) {
  const below = top + bottom < innerHeight;
  const rightwards = left + right < innerWidth;
  const narrow = innerWidth < NARROW;
  const [above, room] = below ? ["auto", innerHeight - bottom] : [px(innerHeight - top + GAP), top];
  panel.style.inset = [
    below ? px(bottom + GAP) : "auto",
    narrow ? px(EDGE) : rightwards ? "auto" : px(innerWidth - right),
    above,
    narrow ? px(EDGE) : rightwards ? px(left) : "auto",
  ].join(" ");
  panel.style.maxBlockSize = px(room - GAP - EDGE);
}

/** @param {number} length */
const px = (length) => `${Math.round(length)}px`;
