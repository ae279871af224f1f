// A report being corrected: the text, the panel beside it, the keys.

import { h, fill, say, tool, keyOf, typing, dialog } from "/static/dom.js";
import { t, language } from "/static/i18n.js";
import { get, post, changes, reportPath } from "/static/api.js";
import { labels, labelName, reading, renderText, renderTags, spoken } from "/static/paragraph.js";
import { points, slice, selected, select, offsetAt, trimmed } from "/static/text.js";
import * as edit from "/static/edit.js";

const CLAUSE = /[，。；、：！？,.;:!?\s]/;

export class ReportView {
  // `queue` is a list of suggested places to go through, or null; `app` knows the other views.
  constructor(app, root, id, { at = null, queue = null } = {}) {
    Object.assign(this, { app, root, id, queue, wanted: at });
    this.order = app.order;
    this.states = [];
    this.rows = [];
    this.active = null;
    this.caret = null;
    this.find = "";
    this.at = 0;
    this.stopped = new AbortController();
  }

  async open() {
    let data = null;
    while (!data) {
      try {
        data = await get(reportPath(this.id));
      } catch (error) {
        if (error.code !== "not-ready" || this.stopped.signal.aborted) throw error;
        fill(this.root, h("p", { class: "head empty" }, t("notReady")));
        await new Promise((done) => setTimeout(done, 500));
      }
    }
    if (this.stopped.signal.aborted) return;
    this.data = data;
    this.states = data.lines.filter((line) => line.kind === "body");
    for (const state of this.states) {
      changes.known(this.id, state.at, state.version);
      const waiting = changes.queue.filter((c) => c.report === this.id && c.at === state.at).at(-1);
      if (waiting) state.coding = waiting.coding;
    }
    this.draw();
    const signal = this.stopped.signal;
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    document.addEventListener("selectionchange", () => this.selecting(), { signal });
    if (this.states.length) this.go(this.wanted ?? this.first(), { quiet: true });
  }

  close() { this.stopped.abort(); }

  // --- drawing

  draw() {
    const { data } = this;
    const facts = [[t("report"), data.file], [t("year"), data.year], ["", data.issuer]].filter(([, value]) => value);
    let number = 0;
    const lines = data.lines.map((line) => {
      if (line.kind === "body") {
        number += 1;
        return this.row(line, number);
      }
      if (line.kind === "heading") return h(`h${3 + (line.depth || 0)}`, { class: "line heading" }, h("span", {}, line.text));
      return h("p", { class: `line ${line.kind}` }, h("span", {}, line.text));
    });
    this.panel = h("aside", { class: "side panel", "aria-label": t("labels") });
    const notices = [
      data.locked ? h("p", { class: "locked" }, t("lockedWhy", { why: t(`lock-${data.locked}`) }), h("small", {}, data.reason)) : null,
      data.notices.map((words) => h("p", {}, words)),
    ].flat().filter(Boolean);
    this.search = h("input", {
      type: "search", class: "find", placeholder: `${t("search")} /`, "aria-label": t("search"),
      oninput: (event) => { this.find = event.target.value; this.redrawAll(); },
      onkeydown: (event) => this.searching(event),
    });
    fill(this.root,
      h("header", { class: "head" },
        h("nav", { class: "row bar2" },
          tool(`← ${t("back")}`, {}, () => this.app.list()),
          this.queue ? h("span", { class: "hint" }, t("queue", { n: this.queue.position + 1, all: this.queue.items.length }), " ",
            tool(t("leaveQueue"), {}, () => this.app.open(this.id, { at: this.at }))) : null,
          this.search),
        h("h1", {}, data.title || data.file),
        h("p", { class: "hint" }, facts.map(([, value]) => value).join(" · "))),
      h("div", { class: "layout" }, this.panel, h("main", {},
        notices.length ? h("section", { class: "warnings", "aria-label": t("warnings") }, notices) : null,
        h("article", { role: "application", "aria-label": data.title || data.file }, lines),
        h("div", { class: "tools", role: "toolbar", "aria-label": t("help") }, this.tools()))));
    this.drawPanel();
  }

  tools() {
    if (this.data.locked) return [tool(t("previous"), {}, () => this.move(-1)), tool(t("following"), {}, () => this.move(1))];
    const resize = (left, by) => () => this.attempt(() => this.resize(left, by));
    return [
      [tool(`✓ ${t("confirm")}`, { class: "tool main" }, () => this.confirm()), tool(t("undo"), {}, () => this.undo()),
        tool("↑", { "aria-label": t("previous") }, () => this.move(-1)), tool("↓", { "aria-label": t("following") }, () => this.move(1))],
      [tool(t("makeValue"), {}, () => this.attempt(() => this.make("value"))), tool(t("makeName"), {}, () => this.attempt(() => this.make("name"))),
        tool(t("tieNext"), {}, () => this.attempt(() => this.tieNext())), tool(t("remove"), {}, () => this.attempt(() => this.remove()))],
      [tool(t("leftWider"), {}, resize(true, -1)), tool(t("leftNarrower"), {}, resize(true, 1)),
        tool(t("narrower"), {}, resize(false, -1)), tool(t("wider"), {}, resize(false, 1))],
      [tool(t("rule"), {}, () => this.rule()), tool(t("help"), {}, () => this.app.help())],
    ].map((group) => h("span", { class: "group" }, group));
  }

  row(state, number) {
    const text = h("p", { class: "text", onclick: (event) => this.clicked(event, state.at), onpointerdown: (event) => this.grab(event, state.at) });
    const tags = h("div", { class: "tags", onclick: () => this.go(state.at) });
    const element = h("div", { tabindex: "-1", role: "group", onfocus: () => this.at !== state.at && this.go(state.at, { focus: false }) }, tags, text);
    this.rows[state.at] = { element, tags, text, number };
    this.redraw(state.at);
    return element;
  }

  redraw(at) {
    const [state, row] = [this.states[at] ?? this.data.lines.find((l) => l.at === at), this.rows[at]];
    const here = at === this.at;
    row.element.className = `line para d-${state.coding.primary || "none"}${here ? " here" : ""}`;
    row.element.setAttribute("aria-label", spoken(state, row.number));
    row.element.setAttribute("aria-current", here ? "true" : "false");
    row.element.tabIndex = here ? 0 : -1;
    fill(row.tags, renderTags(state, row.number));
    const shown = {
      active: here ? this.active : null, caret: here ? this.caret : null, find: this.find,
      handles: here && !this.data.locked && !this.caret,
    };
    const told = JSON.stringify([state.coding, state.readings, shown, language()]);
    if (row.told === told) return; // so that a selection that is being made stays
    row.told = told;
    const span = selected(row.text);
    fill(row.text, renderText(state, shown));
    if (span) select(row.text, span);
  }

  redrawAll() {
    for (const state of this.states) this.redraw(state.at);
  }

  drawPanel() {
    const { data } = this;
    const state = this.states[this.at];
    const done = this.states.filter((s) => s.coding.labels_coded && s.coding.indicators_coded).length;
    const head = [
      h("div", { class: "progress", role: "img", "aria-label": t("doneOf", { done, all: this.states.length }) },
        h("progress", { max: this.states.length || 1, value: done }), h("span", {}, t("doneOf", { done, all: this.states.length }))),
      h("p", { class: "status saved" }),
    ];
    if (!state) { fill(this.panel, head); return; }
    const { coding } = state;
    const all = [...labels.rows, { name: "none", zh: t("none"), topic: false, key: "0" }];
    const list = all.map((row) => {
      const chosen = (coding.primary || "none") === row.name;
      const also = coding.secondary.includes(row.name);
      const score = row.name === "none" ? state.none_score : state.scores[row.name];
      return h("li", { class: "pick" },
        h("button", { type: "button", class: `filter d-${row.name}`, "aria-pressed": String(chosen), disabled: Boolean(data.locked), "data-label": row.name,
          onmousedown: (e) => e.preventDefault(), onclick: () => this.label(row.name, false) },
        h("kbd", {}, row.key), h("span", { class: "swatch", "aria-hidden": "true" }), h("span", { class: "zh" }, labelName(row.name)),
        h("span", { class: "share" }, `${Math.round(score * 100)}%`)),
        row.topic ? h("button", { type: "button", class: "second", "aria-pressed": String(also), disabled: Boolean(data.locked), "aria-label": t("secondaryOf", { label: labelName(row.name) }),
          onmousedown: (e) => e.preventDefault(), onclick: () => this.label(row.name, true) }, t("secondary")) : null);
    });
    const values = coding.values.map((v) => {
      const on = this.active?.kind === "value" && edit.same(v.span, this.active.span);
      return h("tr", { class: `d-${v.topic}${on ? " on" : ""}`, onclick: () => this.choose({ kind: "value", span: v.span }) },
        h("td", {}, h("span", { class: "swatch" }), " ", v.name ? slice(state.text, ...v.name) : h("em", { class: "bad" }, t("noName"))),
        h("td", { class: "figure" }, reading(state, v.span)));
    });
    const note = h("textarea", { rows: "2", maxlength: "2000", "aria-label": t("note"), placeholder: t("note"), disabled: Boolean(data.locked),
      onchange: (event) => this.change(state.at, { ...this.states[state.at].coding, note: event.target.value }, "note"),
      onkeydown: (event) => {
        if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) { event.target.blur(); this.focus(); }
      } }, coding.note);
    this.noteBox = note;
    fill(this.panel, head,
      h("h2", {}, t("labels"), " ", h("span", { class: "hint" }, t("labelsHint"))),
      h("ul", { class: "legend" }, list),
      h("p", { class: "why hint" }, state.why),
      state.lost ? h("p", { class: "hint bad" }, t("lost", { n: state.lost })) : null,
      h("h2", {}, t("values")),
      values.length ? h("table", { class: "readings" }, h("tbody", {}, values)) : h("p", { class: "hint" }, t("noValues")),
      coding.names.map((n) => h("p", { class: "hint bad" }, t("orphan", { name: slice(state.text, ...n) }))),
      note,
      h("p", { class: "hint" }, t("order"), ": ", tool(this.order === "doubt" ? t("doubtFirst") : t("inOrder"), {}, () => this.switchOrder())));
    this.status();
  }

  status() {
    const place = this.panel?.querySelector(".saved");
    if (!place) return;
    const waiting = changes.queue.length;
    place.textContent = changes.problem ? "" : waiting ? t("saving") : t("saved");
  }

  // --- moving

  isDone(state) { return state.coding.labels_coded && state.coding.indicators_coded; }

  // The order of going through: as in the text, or the doubtful ones first and the least sure of them at the head.
  sequence() {
    if (this.order === "order") return this.states.map((s) => s.at);
    const rank = (s) => (s.review ? 1 : 0);
    return [...this.states].sort((a, b) => rank(b) - rank(a) || (rank(a) ? b.doubt - a.doubt : a.at - b.at)).map((s) => s.at);
  }

  first() {
    return this.sequence().find((at) => !this.isDone(this.states[at])) ?? this.sequence()[0];
  }

  move(by) {
    if (this.queue) { this.app.queueMove(by); return; }
    const all = this.sequence();
    const next = all[all.indexOf(this.at) + by];
    if (next !== undefined) this.go(next);
  }

  go(at, { quiet = false, focus = true } = {}) {
    if (!this.states[at]) return;
    const before = this.at;
    this.leaveNote();
    [this.at, this.active, this.caret] = [at, null, null];
    if (before !== at) this.redraw(before);
    this.redraw(at);
    this.drawPanel();
    if (focus) this.focus();
    const place = this.rows[at].element;
    const box = place.getBoundingClientRect();
    if (box.top < 60 || box.bottom > window.innerHeight - 110) place.scrollIntoView({ block: "center" });
    if (!quiet) say(spoken(this.states[at], this.rows[at].number));
    this.app.remember(this.id, at);
  }

  focus() { this.rows[this.at]?.element.focus({ preventScroll: true }); }

  leaveNote() {
    const state = this.states[this.at];
    if (this.noteBox && state && !this.data.locked && this.noteBox.value !== state.coding.note && document.activeElement === this.noteBox) {
      this.change(this.at, { ...state.coding, note: this.noteBox.value }, "note");
    }
  }

  switchOrder() {
    this.order = this.app.order = this.order === "doubt" ? "order" : "doubt";
    this.drawPanel();
    say(this.order === "doubt" ? t("doubtFirst") : t("inOrder"));
  }

  // --- changing

  change(at, coding, what) {
    if (this.data.locked) { this.app.tell(t("lockedWhy", { why: t(`lock-${this.data.locked}`) })); return; }
    const state = this.states[at];
    state.coding = coding;
    state.changed += 1;
    if (what === "indicators") state.readings = state.coding.values.map((v) => this.known(state, v));
    this.redraw(at);
    if (at === this.at) this.drawPanel();
    changes.add(this.id, at, coding, what);
    this.status();
  }

  // A reading that is known stays until the server has read the values anew.
  known(state, value) {
    this.seen ??= new Map();
    return this.seen.get(`${state.at}:${value.span}`);
  }

  saved(change, saved, more) {
    const state = this.states[change.at];
    this.seen ??= new Map();
    saved.coding.values.forEach((v, k) => this.seen.set(`${change.at}:${v.span}`, saved.readings[k]));
    if (!more) {
      Object.assign(state, { coding: saved.coding, version: saved.version, readings: saved.readings, changed: saved.changed });
      this.redraw(change.at);
      const writing = document.activeElement === this.noteBox;
      if (change.at === this.at && !writing) this.drawPanel();
    }
  }

  attempt(action) {
    try {
      action();
    } catch (error) {
      if (!(error instanceof edit.EditError)) throw error;
      this.app.tell(t(error.message));
    }
  }

  label(name, second) {
    const state = this.states[this.at];
    this.attempt(() => {
      const row = labels.rows.find((r) => r.name === name);
      if (this.active?.kind === "value" && !second && row) {
        this.change(this.at, edit.setTopic(state.coding, this.active.span, name, labels.topics), "indicators");
        this.app.tell(t("topicSet", { label: labelName(name) }), true);
        return;
      }
      const coding = second ? edit.toggleSecondary(state.coding, name, labels.topics)
        : edit.setPrimary(state.coding, name === "none" ? null : name);
      this.change(this.at, coding, "labels");
      say(t(second ? "secondaryOf" : "primaryOf", { label: labelName(name) }));
    });
  }

  confirm() {
    if (this.data.locked) { this.move(1); return; }
    this.leaveNote();
    const state = this.states[this.at];
    const coding = edit.confirm(state.coding);
    if (JSON.stringify(coding) !== JSON.stringify(state.coding)) this.change(this.at, coding, "confirm");
    const open = edit.incomplete(coding);
    if (open) {
      const kind = coding.values.some((v) => edit.same(v.span, open)) ? "value" : "name";
      this.choose({ kind, span: open });
      this.app.tell(t("incomplete"));
      return;
    }
    this.advance();
  }

  advance() {
    if (this.queue) { this.app.queueMove(1); return; }
    const all = this.sequence();
    const place = all.indexOf(this.at);
    const next = [...all.slice(place + 1), ...all.slice(0, place)].find((at) => !this.isDone(this.states[at]));
    if (next === undefined) { this.app.tell(t("doneAll")); this.redraw(this.at); return; }
    this.go(next);
  }

  async undo() {
    if (!(await changes.settled())) return;
    try {
      const taken = await post(`${reportPath(this.id)}/undo`);
      const state = this.states[taken.at];
      Object.assign(state, { coding: taken.coding, version: taken.version, readings: taken.readings, changed: taken.changed });
      changes.known(this.id, taken.at, taken.version);
      this.app.progress(this.id, taken.progress);
      this.go(taken.at, { quiet: true });
      this.app.tell(t("undone", { n: this.rows[taken.at].number }), true);
    } catch (error) {
      this.app.tell(error.message);
    }
  }

  // --- marks

  choose(mark) {
    this.active = mark;
    this.caret = null;
    this.redraw(this.at);
    this.drawPanel();
    const state = this.states[this.at];
    if (mark) say(`${slice(state.text, ...mark.span)} ${mark.kind === "value" ? reading(state, mark.span) : ""}`);
  }

  step(by) {
    const all = edit.marks(this.states[this.at].coding);
    if (!all.length) return;
    const now = this.active ? all.findIndex((m) => m.kind === this.active.kind && edit.same(m.span, this.active.span)) : by > 0 ? -1 : all.length;
    this.choose(all[(now + by + all.length) % all.length]);
  }

  clicked(event, at) {
    const element = event.target.closest("[data-span]");
    const had = at === this.at ? this.active : null;
    if (at !== this.at) this.go(at, { focus: window.getSelection().isCollapsed });
    if (!element) { if (had && window.getSelection().isCollapsed) this.choose(null); return; }
    if (!window.getSelection().isCollapsed) return;
    const mark = { kind: element.dataset.kind, span: element.dataset.span.split(",").map(Number) };
    if (had && had.kind !== mark.kind && !this.data.locked) {
      const [value, name] = had.kind === "value" ? [had.span, mark.span] : [mark.span, had.span];
      const tied = this.states[at].coding.values.some((v) => edit.same(v.span, value) && edit.same(v.name, name));
      if (!tied) {
        this.attempt(() => this.change(at, edit.tie(this.states[at].coding, value, name), "indicators"));
        this.choose({ kind: "value", span: value });
        return;
      }
    }
    this.choose(mark);
    this.focus();
  }

  // The ends of the chosen mark follow the pointer.
  grab(event, at) {
    const handle = event.target.closest(".handle");
    if (!handle || at !== this.at) return;
    event.preventDefault();
    const text = this.rows[at].text;
    const left = handle.dataset.side === "left";
    const before = this.active;
    let span = before.span;
    const stop = new AbortController();
    const move = (e) => {
      const place = offsetAt(text, e.clientX, e.clientY);
      if (place === null) return;
      const wanted = left ? [Math.min(place, before.span[1] - 1), before.span[1]] : [before.span[0], Math.max(place, before.span[0] + 1)];
      if (edit.same(wanted, span)) return;
      span = wanted;
      this.caret = { anchor: span[0], focus: span[1] };
      this.redraw(at);
    };
    const end = () => {
      stop.abort();
      this.caret = null;
      this.active = before;
      if (!edit.same(span, before.span)) this.attempt(() => this.resizeTo(span));
      this.choose(this.active);
    };
    document.addEventListener("pointermove", move, { signal: stop.signal });
    document.addEventListener("pointerup", end, { signal: stop.signal });
    document.addEventListener("pointercancel", end, { signal: stop.signal });
  }

  resizeTo(span) {
    const state = this.states[this.at];
    const mark = this.active;
    const coding = edit.resize(state.coding, state.text, points(state.text).length, mark, span);
    this.active = { kind: mark.kind, span };
    this.change(this.at, coding, "indicators");
    this.choose(this.active);
  }

  resize(left, by) {
    if (!this.active) throw new edit.EditError("noMark");
    const [start, end] = this.active.span;
    this.resizeTo(left ? [start + by, end] : [start, end + by]);
  }

  remove() {
    if (!this.active) throw new edit.EditError("noMark");
    const coding = edit.remove(this.states[this.at].coding, this.active);
    this.active = null;
    this.change(this.at, coding, "indicators");
  }

  tieNext() {
    const state = this.states[this.at];
    if (this.active?.kind !== "value") throw new edit.EditError("noMark");
    const all = edit.names(state.coding);
    if (!all.length) return;
    const now = state.coding.values.find((v) => edit.same(v.span, this.active.span))?.name;
    const next = all[(all.findIndex((n) => edit.same(n, now)) + 1) % all.length];
    this.change(this.at, edit.tie(state.coding, this.active.span, next), "indicators");
    this.choose(this.active);
  }

  selecting() {
    const row = this.rows[this.at];
    if (!row || this.caret?.keys) return;
    const here = this.rows.findIndex((r) => r && selected(r.text));
    this.selection = here < 0 ? null : { at: here, span: selected(this.rows[here].text) };
  }

  make(kind) {
    this.selecting(); // a key may come before the browser has told of the selection
    const caret = this.caret && this.caret.anchor !== this.caret.focus
      ? { at: this.at, span: [this.caret.anchor, this.caret.focus].sort((a, b) => a - b) } : null;
    const found = caret ?? this.selection;
    if (!found) throw new edit.EditError("noSelection");
    const had = found.at === this.at ? this.active : null;
    if (found.at !== this.at) this.go(found.at);
    const state = this.states[this.at];
    const span = trimmed(state.text, found.span);
    if (!span) throw new edit.EditError("noSelection");
    const topic = labels.topics.includes(state.coding.primary) ? state.coding.primary
      : state.coding.secondary[0] ?? labels.topics[0];
    const coding = kind === "value" ? edit.addValue(state.coding, state.text, span, topic)
      : edit.addName(state.coding, span, had?.kind === "value" ? had.span : null);
    window.getSelection().removeAllRanges();
    [this.selection, this.caret] = [null, null];
    const tied = kind === "name" && coding.values.find((v) => edit.same(v.name, span));
    // once a name has found its value the digits mean labels again
    this.active = kind === "value" || !tied ? { kind, span } : null;
    this.change(this.at, coding, "indicators");
    this.choose(this.active);
    this.focus();
  }

  startCaret() {
    const place = this.active ? this.active.span[1] : 0;
    this.caret = { anchor: place, focus: place, keys: true };
    this.redraw(this.at);
    this.app.tell(t("caretOn"), true);
  }

  moveCaret(event) {
    const all = points(this.states[this.at].text);
    const by = event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 1;
    let to = this.caret.focus;
    if (event.key === "Home") to = 0;
    else if (event.key === "End") to = all.length;
    else if (event.ctrlKey || event.metaKey || event.key === "ArrowUp" || event.key === "ArrowDown") {
      do to += by; while (to > 0 && to < all.length && !CLAUSE.test(all[by > 0 ? to : to - 1]));
    } else to += by;
    to = Math.max(0, Math.min(all.length, to));
    this.caret = { ...this.caret, focus: to, anchor: event.shiftKey ? this.caret.anchor : to };
    this.redraw(this.at);
    const [a, b] = [this.caret.anchor, this.caret.focus].sort((x, y) => x - y);
    say(a === b ? all[to] ?? "" : all.slice(a, b).join(""));
  }

  // --- keys

  searching(event) {
    if (event.key === "Escape") { event.target.value = this.find = ""; this.redrawAll(); this.focus(); }
    if (event.key === "Enter" && this.find) {
      const found = this.states.filter((s) => s.text.includes(this.find)).map((s) => s.at);
      const next = found.find((at) => at > this.at) ?? found[0];
      if (next !== undefined) { this.go(next, { focus: false }); event.target.focus(); }
    }
  }

  rule() {
    const state = this.states[this.at];
    this.app.rules(this.active?.kind === "value"
      ? state.coding.values.find((v) => edit.same(v.span, this.active.span))?.topic : state.coding.primary);
  }

  key(event) {
    if (typing(event) || event.altKey || !this.states.length) return;
    const onButton = event.target.closest("button, a, summary");
    const key = keyOf(event);
    if (onButton && (key === " " || key === "Enter")) return;
    if ((event.ctrlKey || event.metaKey) && key !== "z" && !(this.caret?.keys && key.startsWith("Arrow"))) return;
    if (this.caret?.keys && (key.startsWith("Arrow") || key === "Home" || key === "End")) {
      event.preventDefault();
      this.moveCaret(event);
      return;
    }
    const open = !this.data.locked;
    const actions = {
      " ": () => this.confirm(), j: () => this.move(1), k: () => this.move(-1), ArrowDown: null,
      u: open && (() => this.undo()), z: open && (event.ctrlKey || event.metaKey) && (() => this.undo()),
      v: open && (() => this.make("value")), n: open && (() => this.make("name")), s: open && (() => this.startCaret()),
      t: open && (() => this.tieNext()), x: open && (() => this.remove()), Delete: open && (() => this.remove()), Backspace: open && (() => this.remove()),
      ",": () => this.step(-1), ".": () => this.step(1),
      "[": open && (() => this.resize(false, -1)), "]": open && (() => this.resize(false, 1)),
      "{": open && (() => this.resize(true, -1)), "}": open && (() => this.resize(true, 1)),
      m: open && (() => this.noteBox.focus()), c: () => this.rule(), o: () => this.switchOrder(), b: () => this.app.list(),
      "/": () => { this.search.focus(); this.search.select(); },
      "?": () => this.app.help(),
      Escape: () => this.letGo(),
    };
    if (/^\d$/.test(key) && open) {
      const row = key === "0" ? { name: "none" } : labels.rows.find((r) => r.key === key);
      if (!row) return;
      event.preventDefault();
      if (!event.repeat) this.label(row.name, event.shiftKey && key !== "0");
      return;
    }
    const action = actions[key];
    if (!action) return;
    event.preventDefault();
    if (event.repeat && [" ", "u", "v", "n", "x", "Delete", "Backspace"].includes(key)) return;
    this.attempt(action);
  }

  letGo() {
    if (this.caret || this.active) {
      [this.caret, this.active] = [null, null];
      this.redraw(this.at);
      this.drawPanel();
    } else window.getSelection().removeAllRanges();
  }
}

export function conflict(view, mine, current) {
  const state = view.states[mine.at];
  const side = (title, coding, readings) => {
    const shown = { ...state, coding, readings };
    return h("section", { class: `side-by d-${coding.primary || "none"}` }, h("h3", {}, title),
      h("div", { class: "tags" }, renderTags(shown)), h("p", { class: "text" }, renderText(shown)),
      coding.note ? h("p", { class: "hint" }, `✎ ${coding.note}`) : null);
  };
  const box = dialog(t("conflictTitle"), [
    h("p", {}, t("conflictText", { who: current.who || t("someone") })),
    h("div", { class: "two" }, side(t("mine"), mine.coding, []), side(t("theirs"), current.coding, current.readings)),
  ], [
    tool(t("keepMine"), { class: "tool main" }, () => {
      view.change(mine.at, mine.coding, mine.what);
      box.close();
    }),
    tool(t("takeTheirs"), {}, () => box.close()),
  ]);
  Object.assign(state, { coding: current.coding, version: current.version, readings: current.readings, changed: current.changed });
  view.redraw(mine.at);
  if (view.at === mine.at) view.drawPanel();
}
