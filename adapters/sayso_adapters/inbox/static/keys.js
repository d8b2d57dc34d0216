// Keyboard short cuts. No key sends an answer by itself: `a` and `d` lead to the button, and Enter presses it.

const OFF = "sayso.keys-off";
const dialog = document.querySelector("#keys");

function writing(event) {
  return event.target.closest("input, textarea, select, [contenteditable]") !== null;
}

function focus(selector) {
  const found = document.querySelector(selector);
  found?.focus();
  return found !== null;
}

function links() {
  return [...document.querySelectorAll(".row .name a")];
}

function here() {
  return document.activeElement.closest(".row")?.querySelector(".name a") ?? null;
}

function step(by) {
  const all = links();
  const at = all.indexOf(here());
  const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function open(fragment) {
  const link = here();
  if (link) location.assign(link.href + fragment);
}

function answer(outcome) {
  const form = document.querySelector("#answer");
  if (!form) return open(`#${outcome}`);
  const rule = form.dataset.reason;
  const needed = rule === "always" || (rule === "deny" && outcome === "deny");
  if (needed && !form.elements.reason.value.trim()) return focus("#reason");
  if (outcome === "approve" && document.querySelector("#answer .approve:disabled")) return focus("#paused:not([hidden])") || focus("#typed");
  return focus(`#answer .${outcome}`) || focus("#review");
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  o: () => open(""),
  a: () => answer("approve"),
  d: () => answer("deny"),
  r: () => focus("#reason"),
  n: () => document.querySelector("#next")?.click(),
  s: () => document.querySelector("#fresh:not([hidden]) button")?.click(),
  u: () => document.querySelector("#back")?.click(),
};

function showKeys(event) {
  event?.preventDefault();
  if (dialog && !dialog.open) dialog.showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || writing(event) || dialog?.open) return;
  if (localStorage.getItem(OFF) === "yes") return;
  if (event.key === "?") return showKeys(event);
  const action = KEYS[event.key];
  if (!action || event.shiftKey) return;
  event.preventDefault();
  action();
}

export function startKeys() {
  if (!dialog) return;
  const choice = document.querySelector("#keys-on");
  choice.checked = localStorage.getItem(OFF) !== "yes";
  choice.addEventListener("change", () => localStorage.setItem(OFF, choice.checked ? "no" : "yes"));
  document.querySelector("#keys-link").addEventListener("click", showKeys);
  document.addEventListener("keydown", pressed);
  const asked = location.hash.slice(1);
  if (asked === "approve" || asked === "deny") answer(asked);
  if (asked === "outcome") focus("#outcome");
}
