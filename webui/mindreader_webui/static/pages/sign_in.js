import { call } from "../lib/api.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-path]"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));

// Until here the button was disabled: a form sent without this module would go nowhere.
button.disabled = false;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  button.disabled = true;
  try {
    await call("POST", form.dataset.path ?? "", Object.fromEntries(new FormData(form)));
    location.assign(form.dataset.next ?? "/");
  } catch (error) {
    problem.textContent = /** @type {Error} */ (error).message;
    problem.hidden = false;
    button.disabled = false;
  }
});
