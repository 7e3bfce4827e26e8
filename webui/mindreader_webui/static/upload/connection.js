// Ask until the server answers: a lost connection, or a server that is away, is waited for.

import { ApiError } from "../lib/api.js";

const FIRST_MS = 1000;
const LONGEST_MS = 30000;
const MOST_DOUBLINGS = 5;
const TOO_MANY_REQUESTS = 429;

export class Connection {
  /** @param {(isLost: boolean) => void} onchange the connection was lost, or is back */
  constructor(onchange) {
    this.onchange = onchange;
    this.failures = 0; // in a row, over all requests
  }

  /**
   * The answer, or what the server refuses with (an ApiError below 500); nothing else ends it but `signal`.
   *
   * @template T
   * @param {() => Promise<T>} request
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  async withRetry(request, signal) {
    for (;;) {
      signal.throwIfAborted();
      try {
        const answer = await request();
        this.report(true);
        return answer;
      } catch (error) {
        if (signal.aborted) throw error;
        const refused = isRefusal(error);
        this.report(refused);
        if (refused) throw error;
        await this.backOff(signal);
      }
    }
  }

  /** @param {boolean} answered */
  report(answered) {
    const wasLost = this.failures > 0;
    this.failures = answered ? 0 : this.failures + 1;
    if (wasLost === answered) this.onchange(!answered);
  }

  /** Wait, longer each time, but no longer than until the network is back. @param {AbortSignal} signal */
  backOff(signal) {
    const doublings = Math.min(this.failures - 1, MOST_DOUBLINGS);
    const jitter = 0.75 + Math.random() / 2;
    const milliseconds = Math.min(LONGEST_MS, FIRST_MS * 2 ** doublings) * jitter;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        removeEventListener("online", end);
        signal.removeEventListener("abort", end);
        resolve(undefined);
      };
      const timer = setTimeout(end, milliseconds);
      addEventListener("online", end);
      signal.addEventListener("abort", end);
    });
  }
}

/** Whether the server is there and will not change its mind. @param {unknown} error */
const isRefusal = (error) => error instanceof ApiError && error.status < 500 && error.status !== TOO_MANY_REQUESTS;
