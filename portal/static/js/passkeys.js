// Passkeys: asks the server what to ask, asks the authenticator, and sends its answer as an ordinary form.
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
    async get(options) {
      const publicKey = {
        ...options,
        challenge: toBytes(options.challenge),
        allowCredentials: withBytes(options.allowCredentials),
      };
      const found = await navigator.credentials.get({ publicKey });
      const { authenticatorData, signature, userHandle } = found.response;
      const said = { authenticatorData: toText(authenticatorData), signature: toText(signature) };
      if (userHandle) said.userHandle = toText(userHandle);
      return [found, said];
    },
  };

  const answer = async (form, options) => {
    const [credential, said] = await ceremonies[form.dataset.passkey](options);
    form.elements.credential.value = JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: { ...said, clientDataJSON: toText(credential.response.clientDataJSON) },
    });
  };

  const run = async (form, button) => {
    const failed = form.querySelector("[data-passkey-failed]");
    failed.hidden = true;
    button.setAttribute("aria-busy", "true");
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
    try {
      const asked = await fetch(form.dataset.options, { method: "POST", body });
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
