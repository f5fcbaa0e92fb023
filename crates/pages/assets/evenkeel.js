// Keeps a page up to date and its charts zoomable. Without it the page says the same, as it was when it was loaded.
"use strict";
(() => {
  // The first version of the script: what it does comes with what it listens to.
  const root = document.documentElement;
  root.classList.add("js");
  const now = Date.parse(root.dataset.now || "");
  if (!Number.isFinite(now)) return;
  const loaded = performance.now();
  const clock = () => now + performance.now() - loaded;
  for (const node of document.querySelectorAll("time[data-age]")) {
    node.dataset.seconds = Math.max(0, Math.floor((clock() - Date.parse(node.dateTime)) / 1000));
  }
})();
