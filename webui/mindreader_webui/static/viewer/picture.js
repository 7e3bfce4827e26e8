// The pixels of the photo in the viewer: its thumbnail at once, then its preview, and its original where more is seen.

/** @import { AnyPhoto } from "../components/viewer.js" */

export const PREVIEW_PIXELS = 2048; // longer side of a preview, as the server makes it
const MOST_PIXELS = 64e6; // a browser needs four bytes of memory for each
const MOST_BYTES = 64e6;
const SHOWN = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp"]);
const KEPT = 5;

export class Picture {
  /** @param {HTMLImageElement} image */
  constructor(image) {
    this.image = image;
    /** @type {AnyPhoto|undefined} */
    this.photo = undefined;
    this.pixels = 0; // of the longer side of what is shown or on its way
    /** @type {Map<string, Promise<string>>} pictures that were fetched, by their addresses */
    this.fetched = new Map();
    /** @type {Set<string>} those that are there */
    this.ready = new Set();
  }

  /** @param {AnyPhoto} photo */
  show(photo) {
    this.photo = photo;
    this.pixels = Math.min(PREVIEW_PIXELS, longer(photo));
    this.image.alt = photo.filename;
    this.image.src = this.ready.has(photo.preview_url) ? photo.preview_url : photo.thumbnail_url;
    return this.replace(photo, photo.preview_url);
  }

  /** So many pixels are wanted for its longer side: have the original shown where it has more. @param {number} pixels */
  sharpen(pixels) {
    const { photo } = this;
    if (!photo || pixels <= this.pixels || longer(photo) <= this.pixels || !canShow(photo)) return;
    this.pixels = longer(photo);
    this.replace(photo, photo.original_url);
  }

  /** @param {AnyPhoto|undefined} photo that may be looked at next */
  prepare(photo) {
    if (photo) this.fetch(photo.preview_url).catch(() => {}); // whoever comes to look at it sees its thumbnail
  }

  /** What cannot be shown leaves what is there. @param {AnyPhoto} photo @param {string} url */
  async replace(photo, url) {
    try {
      await this.fetch(url);
    } catch {
      return;
    }
    if (this.photo === photo) this.image.src = url;
  }

  /** @param {string} url */
  fetch(url) {
    const known = this.fetched.get(url);
    if (known) return known;
    const picture = new Image();
    picture.src = url;
    const fetched = picture.decode().then(() => {
      this.ready.add(url);
      return url;
    });
    this.fetched.set(url, fetched);
    fetched.catch(() => this.fetched.delete(url));
    const [oldest] = this.fetched.keys();
    if (this.fetched.size > KEPT && oldest) this.forget(oldest);
    return fetched;
  }

  /** @param {string} url */
  forget(url) {
    this.fetched.delete(url);
    this.ready.delete(url);
  }
}

/** @param {AnyPhoto} photo */
const longer = ({ width, height }) => Math.max(width, height);

/** @param {AnyPhoto} photo */
const canShow = ({ media_type: type, width, height, size_bytes: bytes }) =>
  SHOWN.has(type) && width * height <= MOST_PIXELS && bytes <= MOST_BYTES;
