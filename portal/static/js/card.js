// Puts the gateway's card form into the page, on its own origin, and goes on when it says that the card is kept.
// Without this file the page's link leads to the same form on the gateway's own page.
"use strict";

(() => {
  const place = document.querySelector("[data-card-fields]");
  if (!place) return;
  const { cardFields, origin, setup, wayBack, title } = place.dataset;

  const frame = document.createElement("iframe");
  frame.src = cardFields;
  frame.title = title;
  frame.className = "card-fields";
  frame.height = "560";
  place.append(frame);
  const link = document.querySelector("[data-card-page]");

  let started = false;
  window.addEventListener("message", (event) => {
    // Anybody may send messages: only the frame we made, of the gateway's origin, about this very entry counts.
    if (event.origin !== origin || event.source !== frame.contentWindow) return;
    const told = event.data;
    if (typeof told !== "object" || told === null || told.setup !== setup) return;
    // The form is there, so the way round it is not needed.
    if (link) link.hidden = true;
    if (Number.isFinite(told.height)) frame.height = String(Math.min(Math.max(told.height, 120), 4000) + 8);
    if (told.status === "OPEN" || told.status === "INVALID") started = true;
    // What was done before this page was opened is left to its own link: going back must not lead on again.
    if (told.status === "DONE" && started) window.location.assign(wayBack);
  });
})();
