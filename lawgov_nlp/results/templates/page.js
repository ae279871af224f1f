"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const words = (element, name) => (element.dataset[name] || "").split(" ").filter(Boolean);
  const filters = all(".filter");
  const paragraphs = all(".para");
  const rows = all(".indicators tbody tr");
  const status = document.querySelector(".status");
  const clear = document.querySelector(".clear");

  // A heading is hidden if all paragraphs under it are. A heading that no paragraph names always stays.
  const withParagraphs = new Set(paragraphs.flatMap((p) => words(p, "heads")));
  const headings = all(".heading").filter((h) => withParagraphs.has(h.id.slice(1)));

  const apply = () => {
    const chosen = new Set(filters.filter((f) => f.getAttribute("aria-pressed") === "true").map((f) => f.dataset.key));
    const active = chosen.size > 0;
    for (const p of paragraphs) p.hidden = active && !words(p, "keys").some((k) => chosen.has(k));
    for (const row of rows) row.classList.toggle("dim", active && !words(row, "keys").some((k) => chosen.has(k)));
    const shown = paragraphs.filter((p) => !p.hidden);
    const open = new Set(shown.flatMap((p) => words(p, "heads")));
    for (const h of headings) h.hidden = active && !open.has(h.id.slice(1));
    const bright = rows.filter((row) => !row.classList.contains("dim")).length;
    document.body.classList.toggle("filtered", active);
    status.textContent = active
      ? `显示 ${shown.length}／${paragraphs.length} 段（含次要维度），指标 ${bright}／${rows.length} 项`
      : "";
    status.hidden = clear.hidden = !active;
  };
  const reset = () => {
    for (const f of filters) f.setAttribute("aria-pressed", "false");
    apply();
  };

  for (const f of filters) {
    f.disabled = false;
    f.addEventListener("click", () => {
      f.setAttribute("aria-pressed", String(f.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  clear?.addEventListener("click", () => {
    reset();
    filters[0].focus(); // The button that had the focus is hidden now.
  });

  // A value, its name and its table row are highlighted together.
  const light = (event) => {
    for (const e of all(".on")) e.classList.remove("on");
    const at = event.target.closest?.("[data-i]");
    if (!at) return;
    for (const n of words(at, "i")) for (const e of all(`[data-i~="${n}"]`)) e.classList.add("on");
  };
  document.addEventListener("mouseover", light);
  document.addEventListener("focusin", light);

  // A link from the table to a hidden paragraph clears the filter.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    const target = link && document.getElementById(link.hash.slice(1));
    if (target?.closest("[hidden]")) reset();
  });

  // Escape closes a label's tooltip, even under the pointer, until the pointer or the focus moves on.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.body.classList.add("quiet");
  });
  for (const type of ["mouseover", "focusin"]) {
    document.addEventListener(type, () => document.body.classList.remove("quiet"));
  }
})();
