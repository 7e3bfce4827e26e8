// Pictures that are searched with in place of strokes: opened, corrected, and kept in this browser as strokes are.

import { loadStyle, toast } from "../lib/dom.js";
import { _ } from "../lib/i18n.js";
import { read, write } from "../lib/storage.js";

/** @import { PictureDialog } from "../components/picture_dialog.js" */
/** @import { Stroke } from "./strokes.js" */

/** @type {Promise<PictureDialog>|undefined} fetched when it is first needed */
let dialog;

/**
 * Our own SVG comes back as strokes, to be drawn on.
 *
 * @param {File} opened
 * @param {(strokes: Stroke[]) => void} openSketch
 * @param {(picture: File) => void} usePicture black strokes on white
 */
export async function openFile(opened, openSketch, usePicture) {
  const { fromSvg } = await import("./own_svg.js");
  const strokes = await fromSvg(opened);
  if (strokes) return openSketch(strokes);
  dialog ??= loadDialog(usePicture);
  dialog.catch(() => (dialog = undefined)); // without a connection; the next picture asks again
  await (await dialog).open(opened);
}

/** @param {(picture: File) => void} usePicture */
async function loadDialog(usePicture) {
  const style = loadStyle(new URL("../picture.css", import.meta.url));
  const [{ PictureDialog }] = await Promise.all([import("../components/picture_dialog.js"), style]);
  return new PictureDialog(usePicture);
}

/** @param {string} key @param {File} picture @param {() => boolean} isUsed whether it is still searched with */
export async function keep(key, picture, isUsed) {
  const address = await dataAddress(picture);
  if (!isUsed()) return;
  write(key, address);
  if (read(key) === address) return;
  write(key, "");
  toast(_("This browser has no room for the picture: once you leave this page, it is gone."));
}

/** @param {string} address as it was kept */
export function kept(address) {
  const bytes = Uint8Array.from(atob(address.slice(address.indexOf(",") + 1)), (each) => each.charCodeAt(0));
  return new File([bytes], "sketch.png", { type: "image/png" });
}

/** @param {File} picture @returns {Promise<string>} */
const dataAddress = (picture) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(picture);
  });
