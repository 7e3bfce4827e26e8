// The HTTP API: JSON in, JSON out, and errors as the sentence of the problem document.

import { _ } from "./i18n.js";

/** @import { Call, Get, Method } from "../../../typings/client" */
/** @typedef {string|number|boolean|null|undefined} Parameter */
/** @typedef {Record<string, Parameter>} Parameters */
/** @typedef {{path?: Parameters, query?: Parameters, body?: unknown, signal?: AbortSignal}} Options */

const SIGNING_IN = ["/session", "/setup"];

export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * `call("PATCH", "/users/{user_id}", { path: { user_id: 7 }, body: { role: "admin" } })`: the answer, or null.
 *
 * @type {Call} paths, parameters and answers are those of the OpenAPI document
 */
export const call = /** @type {Call} */ (/** @type {unknown} */ (request));

/** @param {string} path @param {Options} [options] */
const requestGet = (path, options) => request("GET", path, options);

export const get = /** @type {Get} */ (/** @type {unknown} */ (requestGet));

/**
 * @param {Method} method
 * @param {string} path below /api/v1
 * @param {Options} [options]
 * @returns {Promise<unknown>}
 */
async function request(method, path, { path: parts = {}, query = {}, body, signal } = {}) {
  const response = await fetch(`/api/v1${filled(path, parts)}${queryString(query)}`, {
    method,
    headers: headersFor(body),
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
    signal,
    credentials: "same-origin",
  });
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  if (response.status === 401 && !SIGNING_IN.includes(path)) signIn();
  const message = answer?.detail || answer?.title;
  throw new ApiError(
    message || _("The server answered {status}. Try again.", { status: response.status }),
    response.status,
  );
}

/** @param {unknown} body */
function headersFor(body) {
  const csrf = /** @type {HTMLMetaElement|null} */ (document.querySelector('meta[name="csrf-token"]'));
  /** @type {Record<string, string>} */
  const headers = { "X-CSRFToken": csrf?.content ?? "", Accept: "application/json" };
  if (body && !(body instanceof FormData)) headers["Content-Type"] = "application/json";
  return headers;
}

/** @param {string} path @param {Parameters} parts */
const filled = (path, parts) => path.replace(/\{(\w+)\}/g, (_whole, name) => encodeURIComponent(String(parts[name])));

/** Parameters that are null are left out. @param {Parameters} query */
function queryString(query) {
  const known = Object.entries(query).filter(([, value]) => value != null);
  return known.length ? `?${new URLSearchParams(known.map(([name, value]) => [name, String(value)]))}` : "";
}

const signIn = () =>
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}${location.hash}`);
