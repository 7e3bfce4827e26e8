// The pages Sign in and Set up: a name and a password.

import { call } from "../lib/api.js";
import { messageOf } from "../lib/dom.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-path]"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const path = /** @type {"/session"|"/setup"} */ (form.dataset.path);

/** @param {string} name */
const field = (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  button.disabled = true;
  try {
    await call("POST", path, { body: { name: field("name"), password: field("password") } });
    // The browser kept what stands after the #, such as the sketch of a link, on its way here.
    location.assign((form.dataset.next ?? "/") + location.hash);
  } catch (error) {
    problem.textContent = messageOf(error);
    problem.hidden = false;
    button.disabled = false;
  }
});
// Until here the button was disabled: a form sent without this module would go nowhere.
button.disabled = false;
