// Short facts about one thing on a line; each stays whole where the line has to break.

import { h } from "../lib/dom.js";

/** @param {...string} facts empty ones are left out */
export function factsLine(...facts) {
  const known = facts.filter(Boolean);
  const spans = known.flatMap((fact, n) => [h("span", {}, n < known.length - 1 ? `${fact}\u00a0·` : fact), " "]);
  return h("p", { class: "hint whole" }, ...spans);
}
