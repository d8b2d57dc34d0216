// The admin's page. What an admin is reading or writing never moves: where something was changed meanwhile, a line offers
// to show it.

import { announce, gathered, listen, readPage } from "./live.js";

const fresh = document.querySelector("#fresh");

function stands(root) {
  return root.querySelector("#admin")?.dataset.version;
}

async function read() {
  const page = await readPage("/inbox/fragments/admin");
  const now = page && stands(page);
  if (!now || now === stands(document) || !fresh.hidden) return;
  fresh.hidden = false;
  announce("Something has changed. Press s to show it.");
}

// Which of the forms' fields count depends on what was chosen; the others are out of the way until then.
function ask(form) {
  const chosen = new Set([...form.querySelectorAll("select, input:checked")].map((field) => `${field.name}:${field.value}`));
  for (const field of form.querySelectorAll("[data-for]")) {
    field.hidden = !field.dataset.for.split(" ").some((choice) => chosen.has(choice));
  }
}

function openNamed() {
  const found = document.querySelector(location.hash || "#none");
  if (found?.matches("details")) found.open = true;
}

export function startAdmin() {
  for (const form of document.querySelectorAll("#admin form")) {
    ask(form);
    form.addEventListener("change", () => ask(form));
  }
  window.addEventListener("hashchange", openNamed);
  openNamed();
  fresh.querySelector("button").addEventListener("click", () => location.reload());
  listen(gathered(read, 500));
}
