// The list of reports with their progress, and the search through all of them.

import { h, fill, tool, keyOf, typing } from "/static/dom.js";
import { t } from "/static/i18n.js";
import { get } from "/static/api.js";

const AGAIN = 1500; // milliseconds between two looks at what was read meanwhile

export class ListView {
  constructor(app, root) {
    Object.assign(this, { app, root, find: app.find ?? "", at: app.row ?? 0, stopped: new AbortController() });
  }

  async open() {
    this.data = await get("/api/reports");
    if (this.stopped.signal.aborted) return;
    this.draw();
    document.addEventListener("keydown", (event) => this.key(event), { signal: this.stopped.signal });
    this.again();
  }

  close() { this.stopped.abort(); }

  again() {
    if (!this.data.reading) return;
    setTimeout(async () => {
      if (this.stopped.signal.aborted) return;
      try {
        this.data = await get("/api/reports");
        this.drawRows();
      } catch { /* the next look will tell */ }
      this.again();
    }, AGAIN);
  }

  draw() {
    const { start } = this.app;
    const search = h("input", { type: "search", class: "find", value: this.find, placeholder: `${t("filterList")} /`, "aria-label": t("filterList"),
      oninput: (event) => { this.find = this.app.find = event.target.value; this.at = 0; this.drawRows(); this.searchTexts(); },
      onkeydown: (event) => {
        if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); event.target.blur(); this.mark(true); }
      } });
    this.search = search;
    this.sum = h("h1", {});
    this.state = h("div", { class: "hint", role: "status" });
    this.body = h("tbody", {});
    this.hits = h("div", {});
    this.problems = h("div", {});
    const head = ["report", "year", "progress", "doubtful", "notes", "warnings"];
    fill(this.root, h("header", { class: "head" },
      this.sum,
      h("nav", { class: "row bar2" },
        tool(`${t("next")} (n)`, { class: "tool main", title: t("nextHint") }, () => this.app.startQueue()),
        start.learn ? tool(`${t("learn")} (l)`, {}, () => this.app.learn()) : null,
        start.settle ? tool(`${t("settle")} (d)`, {}, () => this.app.settle()) : null,
        search),
      this.state, this.problems, this.hits,
      h("table", { class: "reports list" }, h("thead", {}, h("tr", {}, head.map((key, k) => h("th", { scope: "col", class: k ? "figure" : null }, t(key))))), this.body)));
    this.drawRows();
    if (this.find) this.searchTexts();
  }

  get shown() {
    const words = this.find.trim().toLowerCase();
    return this.data.reports.filter((r) => !words || [r.title, r.issuer, r.file, String(r.year)].some((w) => w?.toLowerCase().includes(words)));
  }

  drawRows() {
    const { data } = this;
    this.sum.textContent = t("reports", { n: data.total });
    this.state.textContent = data.failed ? t("stopped", { why: data.failed }) : data.reading ? t("reading", { n: data.reports.length, all: data.total }) : "";
    fill(this.problems, data.errors.length ? h("details", { class: "warnings" }, h("summary", {}, t("unread", { n: data.errors.length })),
      h("ul", {}, data.errors.map((e) => h("li", {}, e.message)))) : null);
    fill(this.body, this.shown.map((r) => h("tr", { "data-id": r.id, onclick: () => this.app.open(r.id) },
      h("td", {}, h("a", { href: `#/r/${encodeURIComponent(r.id)}` }, r.title || r.file), h("small", {}, [r.issuer, r.file].filter(Boolean).join(" · "))),
      h("td", { class: "figure", "data-head": t("year") }, r.year ?? "–"),
      h("td", { class: "figure" }, h("span", { class: "progress" }, h("progress", { max: r.paragraphs || 1, value: r.done, "aria-label": t("progress") }),
        h("span", {}, r.locked ? t("locked") : t("doneOf", { done: r.done, all: r.paragraphs })))),
      h("td", { class: "figure", "data-head": t("doubtful") }, r.doubtful ? (r.left ? t("leftOf", { n: r.left }) : "✓") : "–"),
      h("td", { class: "figure", "data-head": t("notes") }, r.notes || "–"),
      h("td", { class: "figure", "data-head": t("warnings") }, r.warnings || "–"))));
    this.mark();
  }

  mark(focus = false) {
    const rows = [...this.body.children];
    this.at = Math.max(0, Math.min(this.at, rows.length - 1));
    this.app.row = this.at;
    rows.forEach((row, k) => row.classList.toggle("here", k === this.at));
    if (focus && rows[this.at]) {
      rows[this.at].querySelector("a").focus({ preventScroll: true });
      rows[this.at].scrollIntoView({ block: "nearest" });
    }
  }

  searchTexts() {
    clearTimeout(this.timer);
    const words = this.find.trim();
    if (!words) { fill(this.hits); return; }
    this.timer = setTimeout(async () => {
      const found = await get(`/api/search?q=${encodeURIComponent(words)}`);
      if (this.stopped.signal.aborted || words !== this.find.trim()) return;
      fill(this.hits, h("details", { class: "hits", open: found.count > 0 && !this.shown.length }, h("summary", {}, t("hits", { n: found.count })),
        h("ul", {}, found.found.map((f) => h("li", {}, h("a", { href: `#/r/${encodeURIComponent(f.report)}/${f.at}` }, f.text), h("small", {}, f.title))))));
    }, 200);
  }

  key(event) {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    const actions = {
      j: () => { this.at += 1; this.mark(true); }, k: () => { this.at -= 1; this.mark(true); },
      Enter: () => !event.target.closest("button, a, summary") && this.shown[this.at] && this.app.open(this.shown[this.at].id),
      n: () => this.app.startQueue(), l: () => this.app.start.learn && this.app.learn(), d: () => this.app.start.settle && this.app.settle(),
      "/": () => this.search.focus(), "?": () => this.app.help(),
    };
    if (!actions[key] || (key === "Enter" && event.target.closest("button, a, summary"))) return;
    event.preventDefault();
    actions[key]();
  }
}
