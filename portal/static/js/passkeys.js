// Passkeys: asks the server what to ask, asks the authenticator, and sends its answer as an ordinary form.
// Where a field suggests names, it suggests passkeys too: a picked one signs in as the button does.
// Without this file, or in a browser without passkeys, these forms stay hidden: the other ways stand beside them.
"use strict";

(() => {
  if (!window.PublicKeyCredential) return;

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const toText = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const withBytes = (credentials) => (credentials || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  // What the authenticator is asked with, and what of its answer the server reads.
  const ceremonies = {
    async create(options) {
      const publicKey = {
        ...options,
        challenge: toBytes(options.challenge),
        user: { ...options.user, id: toBytes(options.user.id) },
        excludeCredentials: withBytes(options.excludeCredentials),
      };
      const made = await navigator.credentials.create({ publicKey });
      return [made, { attestationObject: toText(made.response.attestationObject) }];
    },
    async get(options, how) {
      const publicKey = {
        ...options,
        challenge: toBytes(options.challenge),
        allowCredentials: withBytes(options.allowCredentials),
      };
      const found = await navigator.credentials.get({ publicKey, ...how });
      const { authenticatorData, signature, userHandle } = found.response;
      const said = { authenticatorData: toText(authenticatorData), signature: toText(signature) };
      if (userHandle) said.userHandle = toText(userHandle);
      return [found, said];
    },
  };

  const ask = (form, more) => {
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, ...more });
    return fetch(form.dataset.options, { method: "POST", body });
  };

  const answer = async (form, options, how) => {
    const [credential, said] = await ceremonies[form.dataset.passkey](options, how);
    form.elements.credential.value = JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: { ...said, clientDataJSON: toText(credential.response.clientDataJSON) },
    });
  };

  // A field's suggestions wait for one question at a time, and only as long as the server takes its answer.
  let waiting = null;
  const GOOD_FOR = 4.5 * 60 * 1000;

  const stopWaiting = (which = waiting) => {
    if (which) which.abort();
    if (which === waiting) waiting = null;
  };

  const suggest = async (form) => {
    if (waiting) return;
    const mine = (waiting = new AbortController());
    setTimeout(() => stopWaiting(mine), GOOD_FOR);
    try {
      const asked = await ask(form, { unasked: "on" });
      // Nobody asked for anything yet, so a refusal is not told: the button will.
      if (asked.ok && !mine.signal.aborted) {
        await answer(form, await asked.json(), { mediation: "conditional", signal: mine.signal });
        form.submit();
      }
    } catch {
      // Ended by the button or the clock, or none was picked.
    }
    if (waiting === mine) waiting = null;
  };

  const suggestIn = async (form, field) => {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    field.addEventListener("focus", () => suggest(form));
    if (document.activeElement === field) suggest(form);
  };

  const run = async (form, button) => {
    stopWaiting();
    const failed = form.querySelector("[data-passkey-failed]");
    failed.hidden = true;
    button.setAttribute("aria-busy", "true");
    try {
      const asked = await ask(form);
      // What the server refuses it says best itself, as a page.
      if (asked.ok) await answer(form, await asked.json());
      form.submit();
    } catch {
      // Called off, timed out, no passkey here, or no network: the browser tells no more than that it failed.
      failed.hidden = false;
      button.removeAttribute("aria-busy");
      button.focus();
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    let running = false;
    form.hidden = false;
    if (form.dataset.suggestIn) suggestIn(form, document.getElementById(form.dataset.suggestIn));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (running) return;
      running = true;
      await run(form, event.submitter || form.querySelector('button[type="submit"]'));
      running = false;
    });
  }
  for (const other of document.querySelectorAll("[data-without-passkeys]")) other.hidden = true;
  for (const shown of document.querySelectorAll("[data-with-passkeys]")) shown.hidden = false;
})();
