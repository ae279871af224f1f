// Which view is shown, what all of them share: the bar at the top, messages, dialogs, the order of suggestions.

import { h, fill, say, tool, dialog } from "/static/dom.js";
import { t, language, setLanguage, restoreLanguage } from "/static/i18n.js";
import { get, session, changes } from "/static/api.js";
import { labels, labelName } from "/static/paragraph.js";
import { ReportView, conflict } from "/static/report.js";
import { ListView } from "/static/list.js";
import { LearnView } from "/static/learn.js";
import { SettleView } from "/static/settle.js";

const root = document.getElementById("view");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

class App {
  constructor() {
    this.order = "doubt";
    this.view = null;
    this.queue = null;
    this.done = new Map();
  }

  async begin() {
    restoreLanguage();
    this.theme(stored("theme"));
    dark.addEventListener("change", () => this.theme(stored("theme")));
    try {
      await this.refreshStart();
    } catch (error) {
      this.notice(error.status === 403 ? t("noSession") : error.message);
      return;
    }
    session.csrf = this.start.csrf;
    session.folder = this.start.folder;
    labels.rows = this.start.labels;
    labels.topics = labels.rows.filter((row) => row.topic).map((row) => row.name);
    changes.listeners = {
      status: () => { this.view?.status?.(); this.unsaved(); },
      saved: (change, saved, more) => {
        this.progress(change.report, saved.progress);
        if (this.view instanceof ReportView && this.view.id === change.report && this.view.data) this.view.saved(change, saved, more);
      },
      conflict: async (mine, current) => {
        if (!(this.view instanceof ReportView) || this.view.id !== mine.report || !this.view.data) {
          this.open(mine.report, { at: mine.at });
          await this.shown;
        }
        conflict(this.view, mine, current);
      },
      refused: (change, error) => {
        this.tell(t("refused", { why: error.message }));
        if (this.view instanceof ReportView && this.view.id === change.report) this.show(new ReportView(this, root, change.report, { at: change.at, queue: this.view.queue }));
      },
    };
    changes.restore();
    window.addEventListener("hashchange", () => this.route());
    this.route();
    get("/api/reports").then((data) => data.reports.forEach((r) => this.done.set(r.id, r.done))).catch(() => {});
  }

  async refreshStart() {
    this.start = await get("/api/start");
    this.bar();
  }

  bar() {
    const { start } = this;
    document.title = t("title");
    fill(document.getElementById("top"), h("div", { class: "head topbar" },
      h("p", { class: "kicker" }, t("kicker"), h("span", {}, t("kicker2"))),
      h("p", { class: "hint facts" }, [start.coder && `${t("coder")} ${start.coder}`, `${t("model")} ${start.model.name}`].filter(Boolean).join(" · ")),
      h("span", { class: "row" },
        tool(t("language"), { lang: language() ? "zh" : "en" }, () => { setLanguage(language() ? 0 : 1); this.bar(); this.redo(); }),
        tool(t("theme"), {}, () => this.theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", true)),
        tool("?", { "aria-label": t("help") }, () => this.help()))));
  }

  theme(name, keep = false) {
    document.documentElement.dataset.theme = name ?? (dark.matches ? "dark" : "light");
    if (keep) try { localStorage.setItem("lawgov-review:theme", name); } catch { /* for this page only */ }
  }

  // --- views

  route() {
    const [, what, id, at] = location.hash.split("/").map(decodeURIComponent);
    if (what === "r" && id) {
      const queue = this.queue && this.queue.items[this.queue.position]?.report === id ? this.queue : null;
      if (!queue) this.queue = null;
      this.show(new ReportView(this, root, id, { at: at === undefined ? null : Number(at), queue }));
    } else if (what === "learn" && this.start.learn) this.show(new LearnView(this, root));
    else if (what === "settle" && this.start.settle) this.show(new SettleView(this, root));
    else this.show(new ListView(this, root));
  }

  show(view) {
    this.view?.close();
    this.view = view;
    this.unsaved();
    window.scrollTo(0, 0);
    this.shown = view.open().catch((error) => {
      fill(root, h("p", { class: "head empty" }, error.status === 403 ? t("noSession") : error.message));
    });
  }

  redo() {
    if (this.view instanceof ReportView) this.show(new ReportView(this, root, this.view.id, { at: this.view.at, queue: this.view.queue }));
    else this.route();
  }

  go(hash) {
    if (location.hash === hash) this.route();
    else location.hash = hash;
  }

  list() { this.queue = null; this.go("#/"); }
  learn() { this.go("#/learn"); }
  settle() { this.go("#/settle"); }

  open(id, { at = null } = {}) {
    this.queue = null;
    this.go(`#/r/${encodeURIComponent(id)}${at === null ? "" : `/${at}`}`);
  }

  // So that a reload comes back to the same paragraph; no view is drawn anew for it.
  remember(id, at) { history.replaceState(null, "", `#/r/${encodeURIComponent(id)}/${at}`); }

  // --- what is next

  async startQueue() {
    try {
      const found = await get("/api/next");
      if (!found.queue.length) { this.tell(t("nextNone")); return; }
      this.queue = { items: found.queue, position: 0 };
      this.queueShow();
    } catch (error) {
      this.tell(error.message);
    }
  }

  queueMove(by) {
    const to = this.queue.position + by;
    if (to < 0) return;
    if (to >= this.queue.items.length) { this.list(); this.tell(t("queueDone"), true); return; }
    this.queue.position = to;
    this.queueShow();
  }

  queueShow() {
    const item = this.queue.items[this.queue.position];
    if (this.view instanceof ReportView && this.view.id === item.report && this.view.queue === this.queue) {
      this.view.draw();
      this.view.go(item.at);
      return;
    }
    history.pushState(null, "", `#/r/${encodeURIComponent(item.report)}/${item.at}`);
    this.route();
  }

  async progress(id, row) {
    const sum = () => [...this.done.values()].reduce((a, b) => a + b, 0);
    const before = sum();
    this.done.set(id, row.done);
    const { batch } = this.start;
    if (Math.floor(sum() / batch) > Math.floor(before / batch)) {
      const found = await get("/api/estimate").catch(() => null);
      if (found) this.banner(t("estimate", { ...found, expected: found.expected.toFixed(0), wrong: found.wrong.toFixed(0) }));
    }
  }

  // --- messages

  // Whatever is shown: a change that the server has not got yet is told of.
  unsaved() {
    const waiting = changes.queue.length;
    this.notice(changes.problem && waiting ? t("notSaved", { n: waiting, why: changes.problem }) : "");
  }

  notice(words) {
    const place = document.getElementById("notice");
    if (place.textContent !== words) place.textContent = words;
    place.hidden = !words;
  }

  tell(words, quiet = false) {
    document.querySelector(".toast")?.remove();
    const toast = h("div", { class: `toast${quiet ? "" : " strong"}` }, words);
    document.body.append(toast);
    setTimeout(() => toast.remove(), 5000);
    say(words);
  }

  banner(words) {
    document.querySelector(".banner")?.remove();
    const box = h("div", { class: "banner", role: "status" }, h("p", {}, words));
    box.append(tool(t("close"), {}, () => box.remove()));
    document.body.append(box);
  }

  rules(name) {
    const { rules } = this.start;
    const shown = [name || "none", ...labels.rows.map((r) => r.name), "none"].filter((n, k, all) => all.indexOf(n) === k);
    const box = dialog(t("rule"), h("div", { class: "rules" },
      shown.map((n, k) => h("section", { class: `d-${n}${k ? "" : " first"}` }, h("h3", {}, h("span", { class: "swatch" }), " ", labelName(n)), h("p", {}, rules[n]?.[language()]))),
      h("section", {}, rules.general[language()].split("\n").map((line) => h("p", {}, line)))),
    [tool(t("close"), { class: "tool main" }, () => box.close())]);
    box.addEventListener("keydown", (event) => { if (event.key === "c") box.close(); });
  }

  help() {
    const last = labels.rows.at(-1)?.key || "9";
    const keys = [["j k", "k_move"], [`1–${last} 0`, "k_label"], ["Shift+1…", "k_also"], ["Space", "k_right"], ["u", "k_undo"],
      [", .", "k_mark"], ["[ ]", "k_right_end"], ["{ }", "k_left_end"], ["1…", "k_topic"], ["x Del", "k_remove"], ["t", "k_tie"], ["s", "k_caret"],
      ["v n", "k_make"], ["m", "k_note"], ["c", "k_rule"], ["/", "k_search"], ["o", "k_order"], ["b", "k_back"], ["Esc", "k_esc"], ["?", "k_help"]];
    const box = dialog(t("keysTitle"), [
      h("dl", { class: "keys" }, keys.map(([key, words]) => h("div", {}, h("dt", {}, key.split(" ").map((k) => [h("kbd", {}, k), " "])), h("dd", {}, t(words))))),
      h("p", { class: "hint" }, t("keysNote")),
    ], [tool(t("close"), { class: "tool main" }, () => box.close())]);
    box.addEventListener("keydown", (event) => { if (event.key === "?") box.close(); });
  }
}

function stored(name) {
  try { return localStorage.getItem(`lawgov-review:${name}`); } catch { return null; }
}

const app = new App();
app.begin();
