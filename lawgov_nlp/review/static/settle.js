// Two coders side by side where they differ, with how far they agree.

import { h, fill, tool, keyOf, typing, say } from "/static/dom.js";
import { t } from "/static/i18n.js";
import { get, post, reportPath } from "/static/api.js";
import { renderText, renderTags } from "/static/paragraph.js";

export class SettleView {
  constructor(app, root) { Object.assign(this, { app, root, at: 0, stopped: new AbortController() }); }

  async open() {
    this.data = await get("/api/settle");
    if (this.stopped.signal.aborted) return;
    this.draw();
    document.addEventListener("keydown", (event) => this.key(event), { signal: this.stopped.signal });
  }

  close() { this.stopped.abort(); }

  draw() {
    const { data } = this;
    const [a, b] = data.coders;
    const done = (p) => p.settled.coding.labels_coded && p.settled.coding.indicators_coded;
    const settled = data.pairs.filter(done).length;
    this.cards = data.pairs.map((p, k) => this.card(p, k, done(p)));
    fill(this.root, h("header", { class: "head" },
      h("nav", { class: "row bar2" }, tool(`← ${t("back")}`, {}, () => this.app.list())),
      h("h1", {}, t("settleTitle", { a, b })),
      data.both ? h("p", { class: "lead" }, t("settleSum", { both: data.both, agreed: data.agreed, differ: data.pairs.length, settled })) : h("p", { class: "lead" }, t("nothingBoth")),
      data.agreed_open ? h("p", {}, tool(t("adopt", { n: data.agreed_open }), { class: "tool main" }, () => this.adopt())) : null,
      data.missing ? h("p", { class: "hint" }, data.missing) : null,
      data.figures ? h("dl", { class: "meta" }, Object.entries(data.figures.figures).map(([key, value]) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value.toFixed(3))))) : null),
    h("main", { class: "head pairs" }, this.cards));
    this.mark(this.at);
  }

  card(p, k, done) {
    const [a, b] = this.data.coders;
    const state = (side) => ({ text: p.text, headings: [], ...side });
    const side = (who, which) => h("section", { class: `side-by d-${p[which].coding.primary || "none"}` }, h("h3", {}, who),
      h("div", { class: "tags" }, renderTags(state(p[which]))), h("p", { class: "text" }, renderText(state(p[which]))));
    return h("article", { class: "pair", tabindex: "-1", onclick: () => this.mark(k) },
      h("h2", {}, p.report, " · ", t("paragraph", { n: p.at + 1 }), done ? h("span", { class: "sign done" }, ` ✓ ${t("settledMark")}`) : null),
      h("div", { class: "two" }, side(a, "first"), side(b, "second")),
      h("p", { class: "row" }, tool(t("takeFirst", { who: a }).replace("（b）", "（a）"), {}, () => this.take(k, "first")),
        tool(t("takeSecond", { who: b }), {}, () => this.take(k, "second")),
        tool(t("openReport"), {}, () => this.app.open(p.report, { at: p.at }))));
  }

  mark(at) {
    if (!this.cards.length) return;
    this.at = Math.max(0, Math.min(at, this.cards.length - 1));
    this.cards.forEach((card, k) => card.classList.toggle("here", k === this.at));
    this.cards[this.at].focus({ preventScroll: true });
    this.cards[this.at].scrollIntoView({ block: "nearest" });
  }

  async adopt() {
    const found = await post("/api/settle/agreed");
    this.app.tell(t("adopt", { n: found.settled }), true);
    this.data = await get("/api/settle");
    this.draw();
  }

  async take(k, which) {
    const p = this.data.pairs[k];
    try {
      const coding = { ...p[which].coding, note: p.settled.coding.note };
      const saved = await post(`${reportPath(p.report)}/paragraphs/${p.at}`, { base: p.settled.version, coding, what: "settle" });
      p.settled = { coding: saved.coding, version: saved.version, readings: saved.readings };
      this.at = k + 1;
      this.draw();
      say(t("settledMark"));
    } catch (error) {
      this.app.tell(error.message);
      this.data = await get("/api/settle");
      this.draw();
    }
  }

  key(event) {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    const pair = this.data.pairs[this.at];
    const actions = { j: () => this.mark(this.at + 1), k: () => this.mark(this.at - 1), a: () => pair && this.take(this.at, "first"),
      e: () => pair && this.app.open(pair.report, { at: pair.at }), Escape: () => this.app.list(), "?": () => this.app.help() };
    if (key === "b") { event.preventDefault(); if (pair) this.take(this.at, "second"); return; }
    if (!actions[key] || event.repeat) return;
    event.preventDefault();
    actions[key]();
  }
}
