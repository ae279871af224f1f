// Requests to the server, and the changes that wait for it: in order, repeated until they are saved, kept over a reload.

import { t } from "/static/i18n.js";

export const session = { csrf: "", folder: "" };

export class ApiError extends Error {
  constructor(status, data) {
    super(data?.message || data?.code || `HTTP ${status}`);
    this.status = status;
    this.code = data?.code || "";
    this.data = data || {};
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch {
    throw new ApiError(0, { code: "offline" });
  }
  let data = null;
  try { data = await response.json(); } catch { /* an error of the server has no JSON */ }
  if (!response.ok) throw new ApiError(response.status, data);
  return data;
}

export const get = (path) => ask(path, { method: "GET" });

export const post = (path, body = {}) => ask(path, {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-Lawgov-CSRF": session.csrf },
  body: JSON.stringify(body),
});

export const reportPath = (id) => `/api/reports/${encodeURIComponent(id)}`;

const AGAIN = 2000; // milliseconds until a change that could not be saved is sent again

class Changes {
  constructor() {
    this.queue = [];
    this.versions = new Map();
    this.busy = false;
    this.problem = "";
    this.listeners = { saved: () => {}, conflict: () => {}, refused: () => {}, status: () => {} };
  }

  get key() { return `lawgov-review:${session.folder}`; }

  restore() {
    try { this.queue = JSON.parse(localStorage.getItem(this.key)) || []; } catch { this.queue = []; }
    if (this.queue.length) this.pump();
  }

  keep() {
    try {
      if (this.queue.length) localStorage.setItem(this.key, JSON.stringify(this.queue));
      else localStorage.removeItem(this.key);
    } catch { /* without storage a reload loses what the server has not got yet; the warning on leaving stays */ }
  }

  known(report, at, version) {
    if (!this.waiting(report, at)) this.versions.set(`${report}:${at}`, version);
  }

  waiting(report, at) { return this.queue.some((c) => c.report === report && c.at === at); }

  // `base` is only sent where no change of the same paragraph goes before
  add(report, at, coding, what) {
    const base = this.versions.get(`${report}:${at}`);
    this.queue.push({ report, at, coding, what, base: this.waiting(report, at) ? null : base });
    this.keep();
    this.pump();
  }

  async settled() {
    while (this.queue.length && !this.problem) await new Promise((done) => setTimeout(done, 10));
    return !this.queue.length;
  }

  async pump() {
    if (this.busy) return;
    this.busy = true;
    this.listeners.status();
    while (this.queue.length) {
      const change = this.queue[0];
      const key = `${change.report}:${change.at}`;
      const base = change.base ?? this.versions.get(key) ?? "";
      try {
        const body = { base, coding: change.coding, what: change.what };
        const saved = await post(`${reportPath(change.report)}/paragraphs/${change.at}`, body);
        this.queue.shift();
        this.versions.set(key, saved.version);
        this.problem = "";
        this.keep();
        this.listeners.saved(change, saved, this.waiting(change.report, change.at));
      } catch (error) {
        if (error.code === "conflict") {
          const mine = this.drop(change);
          this.versions.set(key, error.data.current.version);
          this.listeners.conflict(mine, error.data.current);
        } else if (error.status === 0 || error.status === 403 || error.status === 425 || error.status >= 500) {
          this.problem = error.code === "offline" ? t("offline") : error.status === 403 ? t("noSession") : error.message;
          this.listeners.status();
          await new Promise((done) => setTimeout(done, AGAIN));
        } else {
          this.drop(change);
          this.listeners.refused(change, error);
        }
      }
      this.listeners.status();
    }
    this.busy = false;
    this.listeners.status();
  }

  // Take all changes of a paragraph out; give the last one.
  drop(change) {
    const own = this.queue.filter((c) => c.report === change.report && c.at === change.at);
    this.queue = this.queue.filter((c) => !own.includes(c));
    this.keep();
    return own.at(-1);
  }
}

export const changes = new Changes();

window.addEventListener("beforeunload", (event) => {
  if (changes.queue.length) event.preventDefault();
});
