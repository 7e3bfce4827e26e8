// The service worker: pages come from the server, always; without a connection comes a page that says so.

/** @import { ServiceWorkerScope } from "../../typings/service_worker" */

const CACHE = "mindreader-shell-2";
const CACHED = ["/offline", "/static/style.css", "/static/theme.js", "/static/icon.svg"];
const worker = /** @type {ServiceWorkerScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(removeOldCaches()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => cached("/offline")));
  else if (CACHED.includes(new URL(request.url).pathname)) {
    event.respondWith(fetch(request).catch(() => cached(request)));
  }
});

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(CACHED);
  await worker.skipWaiting();
}

async function removeOldCaches() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
}

/** @param {RequestInfo} request */
const cached = async (request) => (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
