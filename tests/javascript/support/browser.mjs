// The few things of a browser that modules ask for when they are loaded. Import this before them.

const noElement = { querySelector: () => null, getElementById: () => null };
const events = new EventTarget();
const HASH_WORKER = "hash_worker.js";

/** A worker of the page, run on the same thread: its own module answers through `postMessage`. */
class FakeWorker {
  constructor(url) {
    if (!String(url).endsWith(HASH_WORKER)) throw new Error(`There is no stand-in for the worker ${url}`);
    globalThis.postMessage = (data) => this.onmessage({ data });
    this.started = import(url);
  }

  postMessage(data) {
    this.started.then(() => globalThis.onmessage({ data })).catch((error) => this.onerror(error));
  }
}

const localStorage = new Map();
localStorage.getItem = (key) => localStorage.get(key) ?? null;
localStorage.setItem = (key, value) => void localStorage.set(key, value);

const globals = {
  document: { ...noElement, documentElement: { lang: "en" } },
  location: { origin: "https://photos.example", pathname: "/", assign() {} },
  localStorage,
  navigator: { languages: ["en-US", "de-AT", "en"] },
  isSecureContext: true,
  onmessage: null,
  Worker: FakeWorker,
  addEventListener: events.addEventListener.bind(events),
  removeEventListener: events.removeEventListener.bind(events),
  dispatchEvent: events.dispatchEvent.bind(events),
};
// Newer versions of node have some of them, as properties that cannot be assigned.
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
