// Offsets count characters as Python does (code points); the browser counts UTF-16 units. Conversions are here alone.

export const points = (text) => Array.from(text);

export const slice = (text, start, end) => points(text).slice(start, end).join("");

const count = (units) => Array.from(units).length;

// The characters before a place of the DOM within an element.
export function offsetWithin(element, node, offset) {
  const range = document.createRange();
  range.selectNodeContents(element);
  range.setEnd(node, offset);
  return count(range.toString());
}

// What is selected in the text of a paragraph, across marks too: [start, end], or null.
export function selected(element) {
  const selection = window.getSelection();
  if (!selection || !selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!element.contains(range.startContainer) || !element.contains(range.endContainer)) return null;
  const start = offsetWithin(element, range.startContainer, range.startOffset);
  const end = offsetWithin(element, range.endContainer, range.endOffset);
  return start < end ? [start, end] : null;
}

// The character that a point of the screen is at.
export function offsetAt(element, x, y) {
  let node, offset;
  if (document.caretPositionFromPoint) {
    const place = document.caretPositionFromPoint(x, y);
    if (!place) return null;
    [node, offset] = [place.offsetNode, place.offset];
  } else if (document.caretRangeFromPoint) {
    const range = document.caretRangeFromPoint(x, y);
    if (!range) return null;
    [node, offset] = [range.startContainer, range.startOffset];
  }
  return node && element.contains(node) ? offsetWithin(element, node, offset) : null;
}

// A selection without blanks at its ends.
export function trimmed(text, [start, end]) {
  const all = points(text);
  while (start < end && !all[start].trim()) start += 1;
  while (end > start && !all[end - 1].trim()) end -= 1;
  return start < end ? [start, end] : null;
}

// Select characters of a paragraph anew, after its elements were replaced.
export function select(element, [start, end]) {
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let seen = 0;
  let found = 0;
  while (walker.nextNode() && found < 2) {
    const all = points(walker.currentNode.data);
    const units = (k) => all.slice(0, k).join("").length;
    if (found === 0 && start < seen + all.length) { range.setStart(walker.currentNode, units(start - seen)); found = 1; }
    if (found === 1 && end <= seen + all.length) { range.setEnd(walker.currentNode, units(end - seen)); found = 2; }
    seen += all.length;
  }
  if (found < 2) return;
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}
