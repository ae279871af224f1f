// How a paragraph looks: its text with the marks, and what stands beside it.

import { h } from "/static/dom.js";
import { t, language } from "/static/i18n.js";
import { points } from "/static/text.js";
import { marks, same } from "/static/edit.js";

export const labels = { rows: [], topics: [] };

export function labelName(name) {
  if (!name || name === "none") return t("none");
  const row = labels.rows.find((r) => r.name === name);
  return language() ? row?.name ?? name : row?.zh ?? name;
}

export function reading(state, span) {
  const index = state.coding.values.findIndex((v) => same(v.span, span));
  const found = state.readings?.[index];
  if (!found) return "…";
  const number = found.number ?? t("unreadable");
  return [t(found.qualifier), number, found.unit].filter(Boolean).join(" ");
}

// The text of a paragraph with its marks. `active` is the chosen mark, `caret` a selection that the keyboard makes.
export function renderText(state, { active = null, caret = null, find = "", handles = false } = {}) {
  const all = points(state.text);
  const own = marks(state.coding);
  const edges = new Set([0, all.length]);
  for (const m of own) { edges.add(m.span[0]); edges.add(m.span[1]); }
  const chosen = caret ? [Math.min(caret.anchor, caret.focus), Math.max(caret.anchor, caret.focus)] : null;
  if (chosen) { edges.add(chosen[0]); edges.add(chosen[1]); edges.add(caret.focus); }
  const heading = state.headings?.at(-1);
  const runIn = heading && state.text.startsWith(heading) ? points(heading).length : 0;
  if (runIn) edges.add(runIn);
  const hits = [];
  if (find) {
    for (let k = state.text.indexOf(find); k >= 0; k = state.text.indexOf(find, k + find.length)) {
      const start = points(state.text.slice(0, k)).length;
      hits.push([start, start + points(find).length]);
    }
    for (const hit of hits) { edges.add(hit[0]); edges.add(hit[1]); }
  }
  const cuts = [...edges].sort((a, b) => a - b);
  const out = [];
  let open = null;
  const caretMark = () => h("span", { class: "caret", "aria-hidden": "true" });
  for (let k = 0; k + 1 < cuts.length; k += 1) {
    const [start, end] = [cuts[k], cuts[k + 1]];
    if (caret && caret.focus === start) (open?.element ?? { append: (e) => out.push(e) }).append(caretMark());
    const words = all.slice(start, end).join("");
    const classes = [];
    if (start < runIn) classes.push("run-in");
    if (chosen && chosen[0] <= start && end <= chosen[1]) classes.push("chosen");
    if (hits.some((hit) => hit[0] <= start && end <= hit[1])) classes.push("hit");
    const piece = classes.length ? h("span", { class: classes.join(" ") }, words) : document.createTextNode(words);
    const mark = own.find((m) => m.span[0] <= start && end <= m.span[1]);
    if (!mark) {
      open = null;
      out.push(piece);
    } else if (open && same(open.mark.span, mark.span)) {
      open.element.append(piece);
    } else {
      open = { mark, element: markElement(state, mark, active) };
      if (handles && open.element.classList.contains("active")) {
        for (const side of ["left", "right"]) open.element.append(h("span", { class: `handle ${side}`, "data-side": side, "aria-hidden": "true" }));
      }
      open.element.append(piece);
      out.push(open.element);
    }
  }
  if (caret && caret.focus === all.length) out.push(caretMark());
  return out;
}

function markElement(state, mark, active) {
  const { coding } = state;
  const on = active && active.kind === mark.kind && same(active.span, mark.span);
  const tied = active && coding.values.some((v) => (active.kind === "value"
    ? same(v.span, active.span) && same(v.name, mark.span) : same(v.name, active.span) && same(v.span, mark.span)));
  const value = mark.kind === "value" ? coding.values.find((v) => same(v.span, mark.span))
    : coding.values.find((v) => same(v.name, mark.span));
  const bare = mark.kind === "value" ? !value.name : !value;
  const classes = [mark.kind, value ? `d-${value.topic}` : "d-none", on && "active", tied && "on", bare && "bare"];
  const label = mark.kind === "value"
    ? `${reading(state, mark.span)} · ${value.name ? points(state.text).slice(...value.name).join("") : t("noName")} · ${labelName(value.topic)}`
    : value ? "" : t("orphan", { name: "" });
  return h("span", {
    class: classes.filter(Boolean).join(" "), "data-kind": mark.kind, "data-span": mark.span.join(","),
    title: label || null, "aria-current": on ? "true" : null,
  });
}

// What stands beside the text: the label, whether it is done, the secondary ones.
export function renderTags(state, number) {
  const { coding } = state;
  const done = coding.labels_coded && coding.indicators_coded;
  const half = !done && (coding.labels_coded || coding.indicators_coded || state.changed > 0);
  return [
    h("span", { class: "label" }, labelName(coding.primary)),
    done ? h("span", { class: "sign done", title: t("isDone") }, " ✓") : half ? h("span", { class: "sign half", title: t("isHalf") }, " ◐") : null,
    state.review && !done ? h("span", { class: "review" }, t("needsReview")) : null,
    coding.secondary.map((name) => h("span", { class: `also d-${name}` }, labelName(name))),
    coding.note ? h("span", { class: "sign", title: coding.note }, "✎") : null,
    number ? h("span", { class: "sr" }, t("paragraph", { n: number })) : null,
  ];
}

export function spoken(state, number) {
  const { coding } = state;
  const parts = [t("paragraph", { n: number }), labelName(coding.primary), ...coding.secondary.map(labelName)];
  if (coding.labels_coded && coding.indicators_coded) parts.push(t("isDone"));
  else if (state.review) parts.push(t("needsReview"));
  return parts.join(language() ? ", " : "，");
}
