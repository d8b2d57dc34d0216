// One request in full: sends the answer once and says what became of it, and follows what others do meanwhile.
// What is being written is kept; params and claims are only drawn anew when the request itself was changed.

import { announce, gathered, listen, readPage } from "./live.js";
import { now, tick } from "./times.js";

const STANDING = ["back", "standing", "params-title", "about"];
let sending = false;

function article() {
  return document.querySelector("#request");
}

// Takes over the parts named by `ids`, or all of it where the page shows another revision than was read here.
function adopt(page, ids) {
  const next = page.querySelector("#request");
  if (next.dataset.revision !== article().dataset.revision) {
    article().replaceWith(document.importNode(next, true));
  } else {
    for (const id of ids) document.getElementById(id).replaceWith(document.importNode(page.getElementById(id), true));
    Object.assign(article().dataset, next.dataset);
  }
  const form = document.querySelector("#answer");
  if (form) form.noValidate = true;
  tick();
}

function say(id, text) {
  const place = document.getElementById(id);
  if (place) place.textContent = text;
}

function lacksReason(form, outcome) {
  const rule = form.dataset.reason;
  const needed = rule === "always" || (rule === "deny" && outcome === "deny");
  const field = form.elements.reason;
  const lacks = needed && !field.value.trim();
  field.setAttribute("aria-invalid", String(lacks));
  say("reason-error", lacks ? `Say why you ${outcome} this. The rule asks for a reason.` : "");
  if (lacks) field.focus();
  return lacks;
}

function busy(form, button) {
  const label = button.textContent;
  for (const each of form.querySelectorAll("button")) each.disabled = true;
  button.textContent = "Sending…";
  announce("Sending your answer.");
  return () => {
    for (const each of form.querySelectorAll("button")) each.disabled = false;
    button.textContent = label;
  };
}

async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set(button.name, button.value);
  const release = busy(form, button);
  try {
    const response = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.querySelector("#request")) {
      adopt(page, [...STANDING, "decide"]);
      document.querySelector("#outcome").focus();
      announce(outcome(document));
      return;
    }
    release();
    say("send-error", page.querySelector("#detail")?.textContent ?? "Sayso did not take the answer. Try again; it counts once.");
  } catch {
    release();
    say("send-error", "Sayso cannot be reached, so it is not known whether your answer counted. Try again; it counts once.");
  }
}

async function submit(event) {
  if (event.target.id !== "answer") return;
  event.preventDefault();
  const button = event.submitter;
  if (sending || !button || lacksReason(event.target, button.value)) return;
  sending = true;
  say("send-error", "");
  await send(event.target, button);
  sending = false;
}

function outcome(root) {
  return root.querySelector("#outcome").textContent.trim().replace(/\s+/g, " ");
}

function told(next, before) {
  if (next.dataset.revision !== before.revision) return "The request has changed since you opened it. Read it again.";
  return next.dataset.state === before.state ? "The request was brought up to date." : outcome(next);
}

async function read() {
  if (sending) return;
  const page = await readPage(`/inbox/fragments/requests/${article().dataset.id}${location.search}`);
  const next = page?.querySelector("#request");
  const before = { ...article().dataset };
  if (!next || sending || next.dataset.version === before.version) return;
  const writing = next.dataset.state === "open" && before.state === "open";
  adopt(page, writing ? STANDING : [...STANDING, "decide"]);
  announce(told(next, before));
}

// The deadline passes here before the news of it arrives; then look, a few times.
function watchDeadline(ask) {
  let looks = 0;
  setInterval(() => {
    const time = document.querySelector("#about .deadline time");
    const passed = time && Date.parse(time.dateTime) <= now();
    if (!passed || !["open", "barred", "answered"].includes(article().dataset.state) || looks >= 10) return;
    looks += 1;
    ask();
  }, 1000);
}

function grow(event) {
  if (event.target.id !== "reason") return;
  event.target.style.height = "auto";
  event.target.style.height = `${Math.min(event.target.scrollHeight + 2, 200)}px`;
}

export function startRequest() {
  const ask = gathered(read, 300);
  const form = document.querySelector("#answer");
  if (form) form.noValidate = true;
  document.addEventListener("submit", submit);
  document.addEventListener("input", grow);
  listen((hint) => {
    if (!hint.id || hint.id === article().dataset.id) ask();
  });
  watchDeadline(ask);
}
