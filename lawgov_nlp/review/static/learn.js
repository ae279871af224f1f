// The learning page: begin, watch, stop; what was gained and lost; use the new model or not.

import { h, fill, tool, keyOf, typing } from "/static/dom.js";
import { t, language } from "/static/i18n.js";
import { get, post } from "/static/api.js";
import { labelName } from "/static/paragraph.js";

export class LearnView {
  constructor(app, root) { Object.assign(this, { app, root, stopped: new AbortController(), result: null }); }

  async open() {
    await this.look();
    document.addEventListener("keydown", (event) => {
      if (!typing(event) && keyOf(event) === "b") this.app.list();
    }, { signal: this.stopped.signal });
  }

  close() { this.stopped.abort(); }

  async look() {
    if (this.stopped.signal.aborted) return;
    this.data = await get("/api/learn");
    if (this.stopped.signal.aborted) return;
    this.draw();
    if (this.data.state === "running") setTimeout(() => this.look(), 1000);
  }

  async act(path, body) {
    try {
      await post(path, body);
    } catch (error) {
      this.app.tell(error.message);
    }
    await this.look();
  }

  draw() {
    const { data } = this;
    const running = data.state === "running";
    const last = data.last ?? {};
    const stages = { reading: t("stageReading"), comparing: t("stageComparing"), scoring: t("stageScoring", last),
      training: last.warning ?? t("stageTraining", last) };
    const shown = data.result ?? null;
    fill(this.root, h("header", { class: "head" },
      h("nav", { class: "row bar2" }, tool(`← ${t("back")}`, {}, () => this.app.list())),
      h("h1", {}, t("learnTitle")),
      h("p", { class: "lead" }, t("learnText")),
      h("p", { class: "row" },
        running ? tool(t("learnCancel"), {}, () => this.act("/api/learn/cancel")) : tool(t("learnStart"), { class: "tool main" }, () => this.act("/api/learn"))),
      h("div", { role: "status" },
        running ? [h("p", {}, t("learnRunning", { stage: stages[last.stage] ?? t("stageReading") })),
          h("progress", { class: "wide", max: last.steps ?? 1, value: last.step ?? null })] : null,
        data.state === "failed" ? h("p", { class: "locked" }, t("learnFailed", { why: data.message })) : null,
        data.state === "cancelled" ? h("p", {}, t("learnCancelled")) : null),
      shown ? this.outcome(data.name, shown) : null,
      data.models.length || data.using.chosen ? this.models() : null));
  }

  outcome(name, result) {
    const counts = result.flip_counts;
    return h("section", { class: "outcome" },
      h("h2", {}, t("learnedFrom", { n: result.learned.length, m: result.held_out.length })),
      result.own ? this.gains(t("ownHead"), result.own) : h("p", { class: "hint" }, t("noOwn")),
      this.gains(t("shippedHead"), result.shipped),
      h("h3", {}, t("flips", counts)),
      result.flips.length ? h("table", { class: "indicators flips" },
        h("thead", {}, h("tr", {}, ["", t("report"), t("coded"), t("before"), t("after"), t("paragraphText")].map((w) => h("th", { scope: "col" }, w)))),
        h("tbody", {}, result.flips.map((f) => h("tr", { class: f.change }, h("td", {}, t(f.change)), h("td", {}, f.report),
          h("td", {}, labelName(f.coded)), h("td", {}, labelName(f.before)), h("td", {}, labelName(f.after)), h("td", {}, f.text.slice(0, 80)))))) : null,
      h("p", { class: "row" }, this.use(name)));
  }

  gains(title, measured) {
    const number = (x) => (x > 0 ? "+" : "") + x.toFixed(3);
    return [h("h3", {}, `${title} · ${measured.support.reports} / ${measured.support.paragraphs}`),
      h("table", { class: "indicators" },
        h("thead", {}, h("tr", {}, ["figure", "before", "after", "gain", "interval"].map((k, n) => h("th", { scope: "col", class: n ? "figure" : null }, t(k))))),
        h("tbody", {}, measured.rows.map((r) => {
          const sure = r.low === null ? "" : r.low > 0 ? "better" : r.high < 0 ? "worse" : "";
          return h("tr", { class: sure }, h("td", {}, language() ? r.name : r.zh), h("td", { class: "figure" }, r.before.toFixed(3)), h("td", { class: "figure" }, r.after.toFixed(3)),
            h("td", { class: "figure" }, number(r.gain)), h("td", { class: "figure" }, r.low === null ? t("tooFew") : `${number(r.low)} – ${number(r.high)}`));
        })))];
  }

  use(name) {
    if (this.data.using.name === name) return h("strong", {}, `✓ ${t("inUse")}`);
    return tool(t("useModel"), { class: "tool main" }, async () => {
      await this.act("/api/model", { name });
      this.app.tell(t("used"), true);
      await this.app.refreshStart();
    });
  }

  models() {
    return h("section", {}, h("h2", {}, t("modelsHere")),
      h("ul", { class: "models" }, this.data.models.map((m) => h("li", {}, h("p", {}, h("strong", {}, m.name), " ", this.use(m.name)),
        h("p", { class: "hint" }, t("tagWith", { folder: m.folder }))))),
      this.data.using.chosen ? h("p", {}, tool(t("useShipped"), {}, async () => { await this.act("/api/model", { name: null }); await this.app.refreshStart(); })) : null);
  }
}
