// Comfort only: every page works without this file. Delegated to the document, so swapped-in parts have it too.
"use strict";

(() => {
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
  });

  const onMac = /Mac|iPhone|iPad/.test(navigator.platform);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = event.target.closest("details.menu[open]");
      closeMenus(null);
      if (menu) menu.querySelector("summary").focus();
      return;
    }
    const command = onMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
    if (!command || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    // The box in the bar, or on a phone the search page's own; where neither is, the way to that page.
    const shown = [...document.querySelectorAll("[data-search]")].filter((one) => one.checkVisibility());
    const field = shown.find((one) => one.matches("input"));
    if (!shown.length) return;
    event.preventDefault();
    if (!field) return shown[0].click();
    field.focus();
    field.select();
  });

  // The shortcut needs a script, so it is told only where there is one.
  for (const hint of document.querySelectorAll("[data-search-hint]")) {
    if (onMac) hint.textContent = "⌘K";
    hint.hidden = false;
  }

  // One box that checks all of a list's; checking a single one means the checked ones.
  for (const all of document.querySelectorAll("[data-check-all]")) {
    const form = all.form;
    const boxes = [...form.querySelectorAll('input[type="checkbox"][name]')];
    const show = () => {
      const checked = boxes.filter((box) => box.checked).length;
      all.checked = checked === boxes.length;
      all.indeterminate = checked > 0 && checked < boxes.length;
    };
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
    });
    for (const box of boxes) box.addEventListener("change", show);
    show();
  }

  // How many of a list's rows are chosen, above what can be done with them.
  for (const said of document.querySelectorAll("[data-chosen-count]")) {
    const form = said.closest("form");
    const show = () => {
      const chosen = form.querySelectorAll('.box input[type="checkbox"][name]:checked').length;
      const words = [said.dataset.none, said.dataset.one][chosen] ?? said.dataset.many.replace("%", chosen);
      if (said.textContent !== words) said.textContent = words;
    };
    said.hidden = false;
    form.addEventListener("change", show);
    show();
  }

  // Printing needs a script, so its buttons are hidden where there is none.
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Copying needs a script; without one the field is there to copy from. So it is where the browser says no.
  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    const said = document.querySelector("[data-copied]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        if (!document.execCommand("copy")) return;
      }
      said.textContent = said.dataset.copied;
    });
  }

  // A color is picked as well as typed. To keep the two in step needs a script, so the picker is hidden where there
  // is none; whoever shows what becomes of the color hears "colour" from the field.
  const COLOUR = /^#[0-9a-f]{6}$/i;
  for (const picker of document.querySelectorAll("[data-picks]")) {
    const field = document.getElementById(picker.dataset.picks);
    const chosen = () => field.dispatchEvent(new CustomEvent("colour", { bubbles: true }));
    picker.hidden = false;
    picker.addEventListener("input", () => {
      field.value = picker.value;
      chosen();
    });
    field.addEventListener("input", () => {
      const typed = field.value.trim();
      if (!COLOUR.test(typed)) return;
      picker.value = typed;
      chosen();
    });
  }

  // A part that can't be brought up to date says so itself. The page around it, and what is typed there, stays.
  const failing = (part, event) => {
    const note = part.querySelector(":scope > [data-failed]");
    if (!note) return;
    // Who is signed out is led to the page for that: it belongs in no part of this one.
    const out = new URL(event.detail.xhr?.responseURL || location.href).pathname === "/sign-in";
    const status = out ? 401 : (event.detail.xhr?.status ?? 0);
    const failed = (status < 200 || status >= 400) && status !== 422;
    if (failed) event.detail.shouldSwap = false;
    note.hidden = !failed;
    note.textContent = failed ? note.dataset[status === 401 ? "signedOut" : "failed"] : "";
  };
  document.addEventListener("htmx:beforeSwap", (event) => failing(event.detail.requestConfig.elt, event));
  document.addEventListener("htmx:sendError", (event) => failing(event.detail.elt, event));

  // A second click while the first is on its way sends nothing. The server refuses doubles anyway; this only
  // spares people the refusal. Forms htmx sends are its own business.
  const sending = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // What opens in another tab leaves this one as it is.
    if (form.method !== "post" || event.defaultPrevented || event.submitter?.formTarget === "_blank") return;
    if (sending.has(form)) {
      event.preventDefault();
      return;
    }
    sending.add(form);
    event.submitter?.setAttribute("aria-busy", "true");
    // A download leaves the page standing: let it be sent again.
    setTimeout(() => release(form), 8000);
  });
  const release = (form) => {
    sending.delete(form);
    for (const button of form.querySelectorAll('[aria-busy="true"]')) button.removeAttribute("aria-busy");
  };
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) release(form);
  });

  // A session ends after a while without a request. Two minutes before, people are asked, so that nothing typed
  // is cut off; requests made in other tabs count, hence the note of the latest one that all tabs share.
  const WARNING = 120_000;
  const seconds = Number(document.body.dataset.sessionSeconds);
  const dialog = document.getElementById("session-end");
  if (seconds && dialog) {
    const NOTE = "remit-session-ends";
    let timer = 0;
    const endsAt = () => Number(localStorage.getItem(NOTE)) || 0;
    const shown = (name, on) => {
      dialog.querySelector(`[${name}]`).hidden = !on;
    };
    const watch = () => {
      clearTimeout(timer);
      const left = endsAt() - Date.now();
      const over = left <= 0;
      if (left > WARNING) {
        if (dialog.open) dialog.close();
      } else {
        shown("data-soon", !over);
        shown("data-over", over);
        shown("data-stay", !over);
        shown("data-close", over);
        if (!dialog.open) dialog.showModal();
      }
      if (!over) timer = setTimeout(watch, left > WARNING ? left - WARNING : left);
    };
    const prolong = () => {
      localStorage.setItem(NOTE, String(Date.now() + seconds * 1000));
      watch();
    };
    dialog.querySelector("[data-stay]").addEventListener("click", async (event) => {
      const answer = await fetch(event.target.dataset.stay);
      if (answer.ok && !new URL(answer.url).pathname.startsWith("/sign-in")) prolong();
      else {
        localStorage.setItem(NOTE, "0");
        watch();
      }
    });
    dialog.querySelector("[data-close]").addEventListener("click", () => {
      clearTimeout(timer);
      dialog.close();
    });
    window.addEventListener("storage", (event) => {
      if (event.key === NOTE) watch();
    });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.successful) prolong();
    });
    prolong();
  }
})();
