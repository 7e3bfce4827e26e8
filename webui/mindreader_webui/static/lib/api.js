// The HTTP API: JSON in, JSON out, and errors as the sentence of the problem document.

import { _ } from "./i18n.js";

export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const CSRF = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="csrf-token"]')).content;

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {object|FormData} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { "X-CSRFToken": CSRF, Accept: "application/json" };
  const isForm = body instanceof FormData;
  if (body && !isForm) headers["Content-Type"] = "application/json";
  const payload = isForm ? /** @type {FormData} */ (body) : body && JSON.stringify(body);
  const response = await fetch(`/api/v1${path}`, { method, headers, body: payload, signal, credentials: "same-origin" });
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    if (response.status === 401 && !["/session", "/setup"].includes(path)) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
    throw new ApiError(answer?.detail || answer?.title || _("The server answered {status}. Try again.", { status: response.status }), response.status);
  }
  return answer;
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => call("GET", path, undefined, signal);
