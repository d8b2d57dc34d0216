// One request in full: sends the answer once and says what became of it, and follows what others do meanwhile.
// What is being written is kept; params and claims are only drawn anew when the request itself was changed.

import { tooManyFiles, uploading, watchFiles } from "./files.js";
import { announce, gathered, listen, readPage } from "./live.js";
import { now, tick } from "./times.js";

const STANDING = ["back", "standing", "params-title", "about", "unsure", "paused", "files"];
const BETWEEN_CHECKS = 15_000;
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
  prepare();
  tick();
}

// What is wrong is said beside its field, and Approve waits for what must be typed.
function prepare() {
  const form = document.querySelector("#answer");
  if (form) form.noValidate = true;
  confirmable();
}

function confirmable() {
  const form = document.querySelector("#answer");
  const approve = form?.querySelector(".approve");
  if (!approve) return;
  const typed = form.elements.typed;
  const untyped = typed !== undefined && typed.value.trim() !== form.dataset.confirm;
  approve.disabled = sending || uploading() || untyped || article().dataset.paused !== "";
}

// A name that is not the one asked for is said where it is typed, once the field is left or Enter is pressed.
function mistyped(event) {
  const typed = event.target;
  if (typed.id !== "typed") return;
  const wanted = typed.form.dataset.confirm;
  const differs = typed.value.trim() !== "" && typed.value.trim() !== wanted;
  if (event.type === "input" && differs) return;
  typed.setAttribute("aria-invalid", String(differs));
  say("typed-error", differs ? `That is not the action’s name. To approve, type ${wanted} exactly.` : "");
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

function complaint(field) {
  return field.validity.valueMissing ? "This is needed." : field.validationMessage;
}

// What the browser itself finds wrong with the agent's form. The rest is for Sayso to say.
function lacksAnswers(form, outcome) {
  if (outcome !== "approve") return false;
  const fields = [...form.querySelectorAll("#asked :is(select, textarea, input:not([type=checkbox]))")];
  for (const field of fields) {
    const wrong = !field.checkValidity();
    field.setAttribute("aria-invalid", String(wrong));
    say(`${field.name}-error`, wrong ? complaint(field) : "");
  }
  const first = fields.find((field) => !field.validity.valid) ?? tooManyFiles(form, say) ?? undefined;
  first?.focus();
  return first !== undefined;
}

function busy(form, button) {
  const label = button.textContent;
  for (const each of form.querySelectorAll("button")) each.disabled = true;
  button.textContent = "Sending…";
  announce(form.id === "answer" ? "Sending your answer." : "Sending your edit.");
  return () => {
    for (const each of form.querySelectorAll("button:not([hidden])")) each.disabled = false;
    button.textContent = label;
  };
}

// `part`: what is drawn anew once it was taken or refused, alone where the other form may still be written in;
// `saying`: where to say that it could not be sent.
async function send(form, button, part, saying) {
  const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
  if (button.name) fields.set(button.name, button.value);
  const release = busy(form, button);
  try {
    const response = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.querySelector("#request")) {
      const open = page.querySelector("#request").dataset.state === "open";
      adopt(page, [...STANDING, ...(open ? [part] : ["decide", "edit"])]);
      tell(form.id);
      return;
    }
    release();
    say(saying, page.querySelector("#detail")?.textContent ?? "Sayso did not take it. Try again; it counts once.");
  } catch {
    release();
    say(saying, `Sayso cannot be reached, so it is not known whether your ${form.id === "answer" ? "answer" : "edit"} counted. Try again; it counts once.`);
  }
}

// Leads to what came of it: the first input that is wrong, else the sentence.
function tell(sent) {
  const told = document.querySelector(sent === "answer" ? "#outcome" : "#not-edited, #edited, #outcome");
  const inputs = sent === "answer" ? "#answer" : "#edit-form";
  const wrong = [...document.querySelectorAll(`${inputs} .error`)].find((error) => error.textContent && error.id !== "send-error");
  const input = wrong && document.querySelector(`${inputs} [aria-describedby~="${wrong.id}"]`);
  const first = input?.matches("fieldset") ? input.querySelector("input") : input;
  (first ?? told).focus();
  announce(told.textContent.trim().replace(/\s+/g, " "));
}

async function submit(event) {
  const form = event.target;
  const answering = form.id === "answer";
  if (!answering && form.id !== "edit-form") return;
  event.preventDefault();
  const button = event.submitter;
  if (sending || !button) return;
  if (answering && (lacksAnswers(form, button.value) || lacksReason(form, button.value))) return;
  const saying = answering ? "send-error" : "edit-error";
  sending = true;
  say(saying, "");
  await send(form, button, answering ? "decide" : "edit", saying);
  sending = false;
  confirmable();
}

function outcome(root) {
  return root.querySelector("#outcome").textContent.trim().replace(/\s+/g, " ");
}

function told(next, before) {
  if (next.dataset.revision !== before.revision) return "The request has changed since you opened it. Read it again.";
  if (next.dataset.paused !== before.paused && next.dataset.state === "open") {
    return next.querySelector("#paused").textContent || "It goes on, and can be approved again.";
  }
  if (next.dataset.unsure !== before.unsure && next.dataset.state === "open") {
    return next.querySelector("#unsure").textContent || "You may decide this.";
  }
  return next.dataset.state === before.state ? "The request was brought up to date." : outcome(next);
}

async function read() {
  if (sending) return;
  const page = await readPage(`/inbox/fragments/requests/${article().dataset.id}${location.search}`);
  const next = page?.querySelector("#request");
  const before = { ...article().dataset };
  if (!next || sending || next.dataset.version === before.version) return;
  const writing = next.dataset.state === "open" && before.state === "open";
  adopt(page, writing ? STANDING : [...STANDING, "decide", "edit"]);
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

// Whether this person may decide could not be checked: look again until it could.
function watchUnsure(ask) {
  setInterval(() => article().dataset.unsure && ask(), BETWEEN_CHECKS);
}

function grow(event) {
  if (event.target.id !== "reason") return;
  event.target.style.height = "auto";
  event.target.style.height = `${Math.min(event.target.scrollHeight + 2, 200)}px`;
}

export function startRequest() {
  const ask = gathered(read, 300);
  prepare();
  document.addEventListener("submit", submit);
  document.addEventListener("input", grow);
  document.addEventListener("input", confirmable);
  for (const kind of ["input", "change"]) document.addEventListener(kind, mistyped);
  watchFiles(confirmable);
  listen((hint) => {
    if (!hint.id || hint.id === article().dataset.id) ask();
  });
  watchDeadline(ask);
  watchUnsure(ask);
}
