// Tells the embedding page how the entry stands and how tall the frame wants to be. It is told nothing
// else, and nobody but the origin the account asked to come back to is told at all.
"use strict";
(() => {
  const main = document.querySelector("main[data-parent]");
  if (!main || window.parent === window) return;
  const { setup, status, parent } = main.dataset;
  const tell = (what) =>
    window.parent.postMessage({ source: "remit-sandbox-gateway", setup, ...what }, parent);
  tell({ status });
  const measure = () => tell({ height: Math.ceil(document.body.getBoundingClientRect().height) });
  new ResizeObserver(measure).observe(document.body);
  const wrong = document.querySelector(".summary");
  if (wrong) document.querySelector('[aria-invalid="true"]').focus();
})();
