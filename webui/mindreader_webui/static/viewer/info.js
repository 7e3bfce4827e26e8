// What is known of a photo: the panel of the viewer.

import { alsoIn } from "../components/also_in.js";
import { takenSentence } from "../components/taken.js";
import { idOf } from "../components/viewer.js";
import { get } from "../lib/api.js";
import { h, messageOf, toast } from "../lib/dom.js";
import { formatBytes, formatCategory, formatRounded } from "../lib/format.js";
import { _ } from "../lib/i18n.js";
import { redraw } from "../lib/redraw.js";

/** @import { CameraDetails, PhotoDetails, PhotoOrigin } from "../../../typings/api" */
/** @import { Act, ActionName } from "../components/photo_toolbar.js" */
/** @import { AnyPhoto, PhotoSource } from "../components/viewer.js" */

const MEGA = 1e6;
const LEAST_MEGAPIXELS = 0.1;
const PASSING_MS = 200;
const LEAST_SECONDS = 0.3; // shorter exposures are written as fractions

export class InfoPanel {
  constructor() {
    this.facts = h("dl", {});
    this.panel = h(
      "aside",
      { class: "viewer-info", "aria-label": _("About this photo"), tabindex: -1, hidden: true },
      h("h3", {}, _("About this photo")),
      this.facts,
    );
    /** @type {Map<number, PhotoDetails>} */
    this.details = new Map();
    /** @type {Set<number>} */
    this.current = new Set(); // ids of the photos whose details are still true
    this.asked = 0;
    this.shown = 0; // id of the photo
  }

  /** @param {AnyPhoto} photo @param {PhotoSource} source */
  async show(photo, source) {
    const asked = (this.asked += 1);
    const known = this.details.get(idOf(photo));
    if (this.shown !== idOf(photo)) {
      this.panel.scrollTop = 0;
      this.facts.replaceChildren(); // nothing of another photo is kept, open or in focus
    }
    this.shown = idOf(photo);
    this.write(photo, source, known);
    if (this.current.has(idOf(photo))) return;
    await new Promise((resolve) => setTimeout(resolve, PASSING_MS));
    if (asked !== this.asked) return; // somebody only passes by
    try {
      const details = await get("/photos/{photo_id}/details", { path: { photo_id: idOf(photo) } });
      this.details.set(idOf(photo), details);
      this.current.add(idOf(photo));
      if (asked === this.asked) this.write(photo, source, details);
    } catch (error) {
      if (asked === this.asked && !known) this.facts.append(...fact(_("Camera"), messageOf(error)));
    }
  }

  /** Where a photo is changed with every move or copy. */
  askAnew() {
    this.current.clear();
  }

  /** @param {AnyPhoto} photo @param {PhotoSource} source @param {PhotoDetails} [details] */
  write(photo, source, details) {
    const { act } = source;
    const change = (/** @type {string} */ label, /** @type {ActionName} */ name) =>
      act && photo.may_change ? [changeButton(act, label, name, photo)] : [];
    const add = act ? [changeButton(act, _("Add to…"), "copy", photo)] : [];
    const copies = "also_in" in photo && photo.also_in?.length ? photo : (details ?? {});
    redraw(
      this.facts,
      ...(("error" in photo && photo.error && fact(_("Problem"), photo.error)) || []),
      ...fact(_("When"), value(takenSentence(photo), "value sentence"), ...change(_("Date…"), "date")),
      ...fact(
        _("Category"),
        value(photo.category ? formatCategory(photo.category) : _("None")),
        ...change(_("Category…"), "category"),
      ),
      ...fact(_("Collection"), value(collectionLink(photo)), ...change(_("Move…"), "move"), ...add),
      ...fact(
        _("File"),
        h("span", { class: "viewer-name" }, photo.filename),
        h("span", {}, sizeOf(photo)),
        ...(photo.away ? [h("span", {}, _("The disk this file lies on is not there now."))] : [original(photo)]),
      ),
      ...(photo.folder ? fact(_("Folder"), value(photo.folder), copyFolder(photo.folder)) : []),
      ...cameraFacts(details?.camera),
      ...facts(_("Comes from"), (details?.origins ?? []).map(originLink)),
      ...facts(
        _("Why it is here"),
        source.why(photo).map((reason) => h("span", {}, reason)),
      ),
      ...facts(_("Copies"), alsoIn(copies)),
    );
  }
}

/** @param {string} term @param {...(Node|string)} known */
const fact = (term, ...known) => [h("div", { "data-key": term }, h("dt", {}, term), h("dd", {}, ...known))];

/** @param {string} term @param {HTMLElement[]} known */
const facts = (term, known) => (known.length ? fact(term, ...known) : []);

/** What stands on a line with its buttons. @param {Node|string} known @param {string} [kind] its classes */
const value = (known, kind = "value") => h("span", { class: kind }, known);

/** @param {Act} act @param {string} label @param {ActionName} name @param {AnyPhoto} photo */
const changeButton = (act, label, name, photo) =>
  h("button", { class: "quiet", onclick: () => act(name, [photo]) }, label);

/** @param {AnyPhoto} photo */
const collectionLink = ({ collection, collection_id: id }) => h("a", { href: `/library/${id}` }, collection);

/** @param {string} folder */
const copyFolder = (folder) => h("button", { class: "quiet", onclick: () => copyText(folder) }, _("Copy path"));

/** Browsers let a page write to the clipboard over HTTPS and at home only. @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(_("The path is copied."));
  } catch {
    toast(_("The browser does not let this page copy. Mark the path and copy it."));
  }
}

/** @param {AnyPhoto} photo */
const original = ({ original_url: href }) => h("a", { href, target: "_blank", rel: "noopener" }, _("Open original"));

/** @type {Record<PhotoOrigin["kind"], () => string>} */
const LIBRARIES = { immich: () => _("Open in Immich") };

/** @param {PhotoOrigin} origin */
const originLink = ({ kind, url: href }) =>
  h("a", { href, target: "_blank", rel: "noopener noreferrer" }, LIBRARIES[kind]());

/** @param {AnyPhoto} photo */
function sizeOf({ width, height, size_bytes: bytes }) {
  const size = { width: String(width), height: String(height), bytes: formatBytes(bytes).replace(" ", "\u00a0") };
  const megapixels = (width * height) / MEGA;
  if (megapixels < LEAST_MEGAPIXELS) return _("{width} × {height} pixels, {bytes}", size);
  return _("{width} × {height} pixels ({megapixels} megapixels), {bytes}", {
    ...size,
    megapixels: formatRounded(megapixels),
  });
}

/** @param {CameraDetails|undefined} camera */
function cameraFacts(camera) {
  if (!camera) return [];
  const exposure = [
    camera.exposure_seconds && exposureTime(camera.exposure_seconds),
    camera.f_number && `f/${formatRounded(camera.f_number)}`,
    camera.focal_length_mm && _("{n} mm", { n: formatRounded(camera.focal_length_mm) }),
    camera.iso && `ISO ${Math.round(camera.iso)}`,
  ];
  const lines = [camera.name, camera.lens, exposure.filter(Boolean).join(" · ")];
  const known = lines.filter(Boolean).map((line) => h("span", {}, String(line)));
  return facts(_("Camera"), known);
}

/** @param {number} seconds */
const exposureTime = (seconds) =>
  seconds < LEAST_SECONDS
    ? _("{time} s", { time: `1/${Math.round(1 / seconds)}` })
    : _("{time} s", { time: formatRounded(seconds) });
