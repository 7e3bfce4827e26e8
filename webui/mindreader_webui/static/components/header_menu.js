// The menu at the end of the header: how the pages look, in which language, and the way out.

import { call } from "../lib/api.js";
import { byId, showError } from "../lib/dom.js";
import { write } from "../lib/storage.js";

const THEME = "mindreader.theme"; // `theme.js` reads it before anything is painted
const TRANSLATED_WITHIN_MS = 3000;
const LANGUAGE = "mindreader_language"; // the server reads it (`i18n.py`)
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** Every page but the one that stands for a missing connection has it. */
export function initHeaderMenu() {
  const menu = document.querySelector("details.menu");
  if (!(menu instanceof HTMLDetailsElement)) return;
  const close = () => (menu.open = false);
  document.addEventListener("click", (event) => menu.contains(/** @type {Node} */ (event.target)) || close());
  menu.addEventListener("focusout", ({ relatedTarget: to }) => to instanceof Node && !menu.contains(to) && close());
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    close();
    menu.querySelector("summary")?.focus();
  });
  initTheme(byId("theme", HTMLSelectElement));
  const language = document.getElementById("language");
  if (language instanceof HTMLSelectElement) language.onchange = () => setLanguage(language.value).catch(showError);
  const button = document.getElementById("sign-out");
  if (!button) return;
  button.onclick = () => signOut().catch(showError);
  button.toggleAttribute("disabled", false);
}

/** @param {HTMLSelectElement} select whose first value is empty: as the system */
function initTheme(select) {
  const { dataset } = document.documentElement;
  select.value = dataset.theme ?? "";
  select.onchange = () => {
    if (select.value) dataset.theme = select.value;
    else delete dataset.theme;
    write(THEME, select.value); // else it lasts as long as the page
  };
}

/** @param {string} language empty: the one the browser prefers */
async function setLanguage(language) {
  const age = language ? YEAR_SECONDS : 0;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${LANGUAGE}=${language}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  // Else that page alone stays in the language it was kept in.
  const passed = new Promise((done) => setTimeout(done, TRANSLATED_WITHIN_MS));
  await Promise.race([translateOfflinePage().catch(() => {}), passed]);
  location.reload();
}

/** The service worker has kept that page in the language there was. */
async function translateOfflinePage() {
  if (!("caches" in window)) return;
  const page = await fetch("/offline");
  if (page.ok) for (const name of await caches.keys()) await (await caches.open(name)).put("/offline", page.clone());
}
async function signOut() {
  await call("DELETE", "/session");
  location.assign("/sign-in");
}
