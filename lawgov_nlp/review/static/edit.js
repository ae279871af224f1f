// Changes to a coding. Each gives a new coding and leaves the old one as it is; errors carry a key of the words to show.

import { slice } from "/static/text.js";

const NUMERAL = /[0-9０-９零〇一二两三四五六七八九十百千万亿半]/;

export class EditError extends Error {}

export const same = (a, b) => Boolean(a && b) && a[0] === b[0] && a[1] === b[1];
const overlaps = (a, b) => a[0] < b[1] && b[0] < a[1];
const sorted = (values) => [...values].sort((a, b) => a.span[0] - b.span[0]);

export function incomplete(coding) {
  return coding.values.find((v) => !v.name)?.span || coding.names[0] || null;
}

// Once somebody has changed the indicators and each value has a name, they count as coded.
function coded(coding) {
  return { ...coding, values: sorted(coding.values), indicators_coded: !incomplete(coding) };
}

export function setPrimary(coding, label) {
  return { ...coding, primary: label, secondary: label ? coding.secondary.filter((s) => s !== label) : [], labels_coded: true };
}

export function toggleSecondary(coding, label, topics) {
  if (!topics.includes(label)) throw new EditError("notTopic");
  if (!coding.primary) throw new EditError("noPrimary");
  if (coding.primary === label) throw new EditError("isPrimary");
  const has = coding.secondary.includes(label);
  const secondary = has ? coding.secondary.filter((s) => s !== label) : [...coding.secondary, label];
  return { ...coding, secondary, labels_coded: true };
}

export function confirm(coding) {
  if (incomplete(coding)) return { ...coding, labels_coded: true };
  return { ...coding, labels_coded: true, indicators_coded: true };
}

// All names, tied or not, each once.
export function names(coding) {
  const all = new Map();
  for (const span of [...coding.values.map((v) => v.name).filter(Boolean), ...coding.names]) all.set(span.join(), span);
  return [...all.values()].sort((a, b) => a[0] - b[0]);
}

function free(coding, span, except) {
  const marks = [...coding.values.map((v) => v.span), ...names(coding)].filter((m) => !same(m, except));
  if (marks.some((m) => overlaps(m, span))) throw new EditError("overlap");
}

export function addValue(coding, text, span, topic) {
  if (!NUMERAL.test(slice(text, ...span))) throw new EditError("noNumeral");
  free(coding, span, null);
  // a name that waits takes the value that is made next
  const name = coding.names.length === 1 ? coding.names[0] : null;
  const rest = name ? [] : coding.names;
  return coded({ ...coding, values: [...coding.values, { span, name, topic }], names: rest });
}

export function addName(coding, span, value) {
  const known = names(coding).find((n) => same(n, span));
  if (!known) free(coding, span, null);
  if (!value) {
    const waiting = coding.values.filter((v) => !v.name);
    if (waiting.length !== 1) {
      return known ? coding : coded({ ...coding, names: [...coding.names, span].sort((a, b) => a[0] - b[0]) });
    }
    value = waiting[0].span;
  }
  return tie(coding, value, span);
}

export function tie(coding, value, name) {
  const before = coding.values.find((v) => same(v.span, value))?.name;
  const values = coding.values.map((v) => (same(v.span, value) ? { ...v, name } : v));
  let left = coding.names.filter((n) => !same(n, name));
  // a name that no value has any more goes, unless somebody made it for another one
  if (before && !values.some((v) => same(v.name, before))) left = left.filter((n) => !same(n, before));
  return coded({ ...coding, values, names: left });
}

export function setTopic(coding, value, topic, topics) {
  if (!topics.includes(topic)) throw new EditError("notTopic");
  return coded({ ...coding, values: coding.values.map((v) => (same(v.span, value) ? { ...v, topic } : v)) });
}

export function remove(coding, mark) {
  if (mark.kind === "value") {
    const gone = coding.values.find((v) => same(v.span, mark.span));
    const values = coding.values.filter((v) => v !== gone);
    return coded({ ...coding, values, names: coding.names });
  }
  const values = coding.values.map((v) => (same(v.name, mark.span) ? { ...v, name: null } : v));
  return coded({ ...coding, values, names: coding.names.filter((n) => !same(n, mark.span)) });
}

export function resize(coding, text, size, mark, span) {
  if (span[0] < 0 || span[1] > size || span[0] >= span[1]) throw new EditError("edge");
  free(coding, span, mark.span);
  if (mark.kind === "value") {
    if (!NUMERAL.test(slice(text, ...span))) throw new EditError("noNumeral");
    return coded({ ...coding, values: coding.values.map((v) => (same(v.span, mark.span) ? { ...v, span } : v)) });
  }
  const values = coding.values.map((v) => (same(v.name, mark.span) ? { ...v, name: span } : v));
  return coded({ ...coding, values, names: coding.names.map((n) => (same(n, mark.span) ? span : n)) });
}

// Values and names in order of their place.
export function marks(coding) {
  const all = [
    ...coding.values.map((v) => ({ kind: "value", span: v.span })),
    ...names(coding).map((span) => ({ kind: "name", span })),
  ];
  return all.sort((a, b) => a.span[0] - b.span[0]);
}
