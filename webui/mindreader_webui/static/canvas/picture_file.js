// A picture of a drawing as it is sent: smaller than a camera makes it, where the browser can read it.

const LONGEST = 2048;
const JPEG = [0xff, 0xd8];
const QUALITY = 0.9;

/**
 * The picture, upright and with at most 2048 pixels a side. What is small already, and what this browser cannot read,
 * stays as it is: the server reads more kinds.
 *
 * @param {Blob} file judged by its bytes, whatever it is called
 * @returns {Promise<Blob>}
 */
export async function smaller(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!bitmap) return file;
  const scale = LONGEST / Math.max(bitmap.width, bitmap.height);
  try {
    return scale < 1 ? await drawn(bitmap, scale, await isJpeg(file)) : file;
  } catch {
    return file; // too large for a canvas here
  } finally {
    bitmap.close();
  }
}

/** @param {ImageBitmap} bitmap @param {number} scale @param {boolean} opaque */
async function drawn(bitmap, scale, opaque) {
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser has no 2d canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: opaque ? "image/jpeg" : "image/webp", quality: QUALITY });
}

/** JPEG knows no transparency. @param {Blob} file */
async function isJpeg(file) {
  const head = new Uint8Array(await file.slice(0, JPEG.length).arrayBuffer());
  return JPEG.every((byte, i) => head[i] === byte);
}
