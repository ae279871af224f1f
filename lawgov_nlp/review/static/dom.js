// Elements are made here and nowhere from strings of HTML: a report's text can only ever become text.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(9)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// For screen readers; the same words twice are said twice.
export function say(words) {
  const place = document.getElementById("said");
  place.textContent = "";
  setTimeout(() => { place.textContent = words; }, 30);
}

// A button that the mouse doesn't take the focus to, so that the keys go on working in the text.
export function tool(words, attributes, action) {
  return h("button", {
    type: "button", class: "tool", ...attributes, onmousedown: (e) => e.preventDefault(), onclick: action,
  }, words);
}

// The pressed key as one name, also while a Chinese input method is on, which hides the letters.
export function keyOf(event) {
  if (event.key.length === 1 && /[a-z]/i.test(event.key)) return event.key.toLowerCase();
  if (/^(Digit|Numpad)\d$/.test(event.code)) return event.code.slice(-1);
  if (event.key === "Process" || event.keyCode === 229) {
    if (/^Key[A-Z]$/.test(event.code)) return event.code.slice(3).toLowerCase();
    const named = { Space: " ", Comma: ",", Period: ".", Slash: event.shiftKey ? "?" : "/",
      BracketLeft: event.shiftKey ? "{" : "[", BracketRight: event.shiftKey ? "}" : "]" };
    return named[event.code] || event.code;
  }
  const full = { "，": ",", "。": ".", "？": "?", "、": "/", "【": "[", "】": "]", "｛": "{", "｝": "}", "《": ",", "》": "." };
  return full[event.key] || event.key;
}

export function typing(event) {
  return event.target.closest?.("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]");
}

// A dialog that gives the focus back to where it was.
export function dialog(title, content, buttons = []) {
  const before = document.activeElement;
  const box = h("dialog", { class: "box", "aria-labelledby": "box-title" },
    h("h2", { id: "box-title" }, title), content, h("div", { class: "row" }, buttons));
  // The browser tells of the closing later, when a key may already have put the focus elsewhere, as into the note.
  box.addEventListener("close", () => {
    const lost = !document.activeElement || document.activeElement === document.body || box.contains(document.activeElement);
    box.remove();
    if (lost) before?.focus?.({ preventScroll: true });
  });
  document.body.append(box);
  box.showModal();
  return box;
}
