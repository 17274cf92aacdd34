// Comfort in the invoice editor: it works without this file. What the server says of what is typed is put at the
// fields; nothing is added up or read here.
"use strict";

(() => {
  // Leaving what is not saved asks first, except where leaving it is what was pressed.
  const editor = document.querySelector("form.editor");
  let unsaved = editor?.querySelector("[data-unsaved]") != null;
  let leaving = false;
  editor?.addEventListener("input", () => (unsaved = true));
  document.addEventListener("submit", (event) => {
    if (event.submitter?.formTarget !== "_blank") leaving = true;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-gives-up]")) leaving = true;
  });
  addEventListener("pageshow", () => (leaving = false));
  addEventListener("beforeunload", (event) => {
    if (unsaved && !leaving) event.preventDefault();
  });

  // Terms fill in the due date that the server said; a date of one's own takes the terms away.
  const fillDueDate = (totals) => {
    if (totals.dataset.dueOn) document.getElementById("field-due_on").value = totals.dataset.dueOn;
  };
  document.addEventListener("input", (event) => {
    if (event.target.id === "field-due_on") document.getElementById("field-terms_days").value = "";
  });

  // A tax picked by its name brings its rate along.
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.list || !field.name.endsWith("-name")) return;
    const rate = document.getElementById(field.id.replace(/-name$/, "-rate"));
    const chosen = [...field.list.options].find((option) => option.value === field.value && option.dataset.rate);
    if (rate && chosen) rate.value = chosen.dataset.rate;
  });

  // A product chosen as a line's description brings along what the line has no own of yet.
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.list?.id !== "catalogue") return;
    const chosen = [...field.list.options].find((option) => option.value === field.value);
    if (!chosen) return;
    const line = field.closest("fieldset");
    const fill = (ending, value) => {
      const empty = line.querySelector(`[name$="${ending}"]`);
      if (empty && !empty.value.trim()) empty.value = value;
    };
    fill("-quantity", "1");
    fill("-unit_price", chosen.dataset.price);
    const taxes = line.querySelector(".taxes");
    if ([...taxes.querySelectorAll("input")].some((typed) => typed.value.trim())) return;
    const wanted = chosen.dataset.taxes.split("\n").filter(Boolean);
    wanted.forEach((tax, place) => {
      if (!taxes.querySelectorAll(":scope > .tax-row")[place]) addTax(taxes);
      const [name, rate] = tax.split("\t");
      const row = taxes.querySelectorAll(":scope > .tax-row")[place];
      row.querySelector('[name$="-name"]').value = name;
      row.querySelector('[name$="-rate"]').value = rate;
    });
    field.focus();
  });

  // One tax more or less of a line, at once. The template's row has numbers that no other row has.
  const COPIED = 998;
  const NAME = `lines-${COPIED}-taxes-${COPIED}`;
  const changed = (taxes) => {
    const rows = taxes.querySelectorAll(":scope > .tax-row");
    taxes.querySelector("[data-add-tax]").hidden = rows.length >= Number(taxes.dataset.most);
    rows.forEach((row, place) => {
      for (const part of row.querySelectorAll("label, [data-number]")) {
        if (/\d/.test(part.textContent)) part.textContent = part.textContent.replace(/\d+/, place + 1);
      }
    });
    taxes.closest("form").dispatchEvent(new Event("input", { bubbles: true }));
  };
  const addTax = (taxes) => {
    const used = [...taxes.querySelectorAll(":scope > .tax-row [name$='-rate']")].map((field) =>
      Number(field.name.split("-").at(-2)),
    );
    const index = Math.max(-1, ...used) + 1;
    const add = taxes.querySelector("[data-add-tax]");
    const row = document.getElementById("tax-row").content.firstElementChild.cloneNode(true);
    for (const part of row.querySelectorAll("*")) {
      for (const attribute of part.attributes) {
        attribute.value = attribute.value
          .replace(`remove-${NAME}`, `${add.value.replace("add-", "remove-")}-${index}`)
          .replace(NAME, `${add.value.replace("add-", "")}-${index}`);
      }
    }
    row.querySelector("[data-line]").textContent = taxes.closest("fieldset").querySelector("legend").textContent;
    taxes.insertBefore(row, add);
    row.querySelector("input").focus();
    changed(taxes);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add-tax], [data-remove-tax]");
    if (!button) return;
    event.preventDefault();
    const taxes = button.closest(".taxes");
    if (button.matches("[data-add-tax]")) return addTax(taxes);
    button.closest(".tax-row").remove();
    changed(taxes);
    taxes.querySelector("[data-add-tax]").focus();
  });

  // What the server can't read is told at its field until it is mended. What is only not filled in yet is told
  // there once saving was tried.
  const summary = document.querySelector(".error-summary");
  const tie = (field, id, on) => {
    const ids = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
    const tied = on ? [id, ...ids] : ids;
    if (tied.length) field.setAttribute("aria-describedby", tied.join(" "));
    else field.removeAttribute("aria-describedby");
    if (on) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  };
  const forget = (name) => {
    document.getElementById(`error-${name}`)?.remove();
    const field = document.getElementById(`field-${name}`);
    if (field) tie(field, `error-${name}`, false);
    const told = summary?.querySelector(`a[href="#field-${CSS.escape(name)}"]`);
    if (!told) return;
    told.closest("li").remove();
    const left = summary.querySelectorAll("li").length;
    if (!left) return summary.remove();
    const title = summary.querySelector("h2 span");
    title.textContent = left === 1 ? summary.dataset.one : summary.dataset.many.replace("%", left);
  };
  const tell = (name, message) => {
    const field = document.getElementById(`field-${name}`);
    const error = document.getElementById(`error-${name}`);
    if (!field) return;
    if (error) error.replaceWith(message);
    else field.closest(".field").append(message);
    tie(field, `error-${name}`, true);
  };
  const isRead = (name) => name.startsWith("lines-") || ["issue_on", "due_on", "terms_days"].includes(name);
  document.addEventListener("htmx:afterSettle", () => {
    const totals = document.getElementById("totals-shown");
    if (!totals) return;
    fillDueDate(totals);
    const found = new Map([...totals.querySelectorAll("template")].map((one) => [one.dataset.field, one]));
    const told = [...document.querySelectorAll(".field > .error")].map((error) => error.id.replace("error-", ""));
    for (const link of summary?.querySelectorAll("a") ?? []) told.push(link.hash.replace("#field-", ""));
    for (const name of told) if (isRead(name) && !found.has(name)) forget(name);
    for (const [name, one] of found) {
      if (!("early" in one.dataset) || document.getElementById(`error-${name}`)) {
        tell(name, one.content.firstElementChild.cloneNode(true));
      }
    }
  });
})();
