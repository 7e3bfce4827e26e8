// A dialog that covers the page has an entry of its own in the browser's history: Back closes it, and the page stays.

/** @type {HTMLDialogElement|undefined} the one shown last */
let shown;
/** @type {(() => void)|undefined} called once the entry of a closed dialog is left */
let onleft;
/** @type {ScrollRestoration} of the page's own entry */
let restoration = "auto";

addEventListener("popstate", onPopState, { capture: true }); // before the page: to the page nothing happened

/** @param {HTMLDialogElement} dialog that covers the page */
export function showCovering(dialog) {
  if (dialog.open) return;
  dialog.showModal();
  dialog.addEventListener("close", leave);
  shown = dialog;
  if (!onleft) enter();
}

/** @param {HTMLDialogElement} dialog @returns {Promise<void>} once the history is at the page's own entry */
export function closeCovering(dialog) {
  dialog.close();
  return leave();
}

function enter() {
  if (history.state?.dialog) return;
  restoration = history.scrollRestoration;
  history.scrollRestoration = "manual"; // the page stays where it is, also where somebody went on to another photo
  history.pushState({ ...history.state, dialog: true }, "");
}

async function leave() {
  if (shown?.open || onleft || !history.state?.dialog) return;
  await new Promise((resolve) => {
    onleft = () => resolve(undefined);
    history.back();
  });
}

/** @param {PopStateEvent} event */
function onPopState(event) {
  const isOwn = Boolean(onleft || shown?.open || history.state?.dialog);
  if (!isOwn) return;
  event.stopImmediatePropagation();
  if (history.state?.dialog) return void leave(); // by Forward: its dialog is closed
  history.scrollRestoration = restoration;
  const left = onleft;
  onleft = undefined;
  if (!left) closeAll();
  else if (shown?.open) enter(); // opened again meanwhile
  left?.();
}

/** The one that covers the page, and what asks something above it. */
function closeAll() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}
