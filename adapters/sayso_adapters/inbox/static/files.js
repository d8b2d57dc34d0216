// Sends each chosen file by itself, says how far it is and what became of it. Without this, files come with the answer.

import { announce } from "./live.js";

const MOST_BYTES = 10 * 1024 * 1024;
let underWay = 0;

export function uploading() {
  return underWay > 0;
}

function listOf(input) {
  return document.getElementById(`${input.name}-put`);
}

function chosen(input) {
  return listOf(input).querySelectorAll("input:checked").length;
}

// What is needed is there once a file that was put here is chosen.
function settle(input) {
  input.required = input.dataset.needed === "yes" && chosen(input) === 0;
}

// The first input with too many files chosen, its sentence said; null where none has.
export function tooManyFiles(form, say) {
  let first = null;
  for (const input of form.querySelectorAll("input[type=file]")) {
    const most = Number(input.dataset.most);
    if (chosen(input) <= most) continue;
    say(`${input.name}-error`, `This takes at most ${most} file${most === 1 ? "" : "s"}. Untick some.`);
    first ??= input;
  }
  return first;
}

// Names one upload, so that it is kept once however often it is sent.
function newName() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function row(input, text) {
  const item = document.createElement("li");
  const told = document.createElement("span");
  told.textContent = text;
  item.append(told);
  listOf(input).append(item);
  return item;
}

function fail(item, text, again) {
  item.className = "failed";
  item.replaceChildren();
  const told = document.createElement("span");
  told.textContent = text;
  item.append(told);
  if (again) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Try again";
    button.addEventListener("click", again);
    item.append(button);
    button.focus();
  }
  announce(text);
}

function done(input, item, told) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  const text = document.createElement("span");
  label.className = "choice";
  Object.assign(box, { type: "checkbox", name: input.name, value: told.id, checked: true });
  text.textContent = `${told.name}, ${told.told}`;
  label.append(box, text);
  item.replaceChildren(label);
  announce(`${told.name} is uploaded.`);
}

function send(form, input, file, item, upload, changed) {
  const data = new FormData();
  data.set("csrf", form.elements.csrf.value);
  data.set("upload", upload);
  data.set(input.name, file, file.name);
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Uploading ${file.name}`);
  item.className = "";
  item.replaceChildren(document.createTextNode(`${file.name} `), bar);
  const call = new XMLHttpRequest();
  call.open("POST", form.action.replace(/vote$/, "files"));
  call.responseType = "json";
  call.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  call.addEventListener("loadend", () => {
    underWay -= 1;
    const again = () => send(form, input, file, item, upload, changed);
    if (call.status === 201) done(input, item, call.response);
    else if (call.status === 0) fail(item, `${file.name}: Sayso cannot be reached, so it is not known whether it was kept.`, again);
    else if (call.status === 401) fail(item, `${file.name}: You have been signed out. Sign in again.`);
    else fail(item, `${file.name}: ${call.response?.detail ?? "Sayso did not take it."}`, call.status >= 500 || call.status === 429 ? again : null);
    settle(input);
    changed();
  });
  underWay += 1;
  changed();
  call.send(data);
}

// `changed` is called whenever an upload begins or ends.
export function watchFiles(changed) {
  document.addEventListener("change", (event) => {
    const box = event.target.closest?.(".put input");
    if (box) return settle(document.getElementById(box.name));
    const input = event.target;
    if (input.type !== "file" || !input.form) return;
    document.getElementById(`${input.name}-error`).textContent = "";
    for (const failed of listOf(input).querySelectorAll(".failed")) failed.remove();
    for (const file of [...input.files]) {
      if (file.size > MOST_BYTES) {
        fail(row(input, file.name), `${file.name} is too large. A file has at most 10 MiB.`);
        continue;
      }
      announce(`Uploading ${file.name}.`);
      send(input.form, input, file, row(input, file.name), newName(), changed);
    }
    input.value = "";
    settle(input);
  });
}
