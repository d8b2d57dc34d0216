// The list of what waits. It never moves under a finger: rows that ended say so where they stand, and new ones wait
// behind a line that counts them until it is pressed.

import { announce, gathered, listen, readPage } from "./live.js";
import { tick } from "./times.js";

const BETWEEN_CHECKS = 15_000;
const fresh = document.querySelector("#fresh");
let announced = 0;

function rows(root) {
  return [...root.querySelectorAll(".row")];
}

function replace(row, next) {
  const focused = row.contains(document.activeElement);
  const copy = document.importNode(next, true);
  row.replaceWith(copy);
  if (focused) copy.querySelector("a").focus();
}

function counted(number) {
  return number === 1 ? "1 new request" : `${number} new requests`;
}

function retitle(lists) {
  const { count } = lists.dataset;
  document.title = `${count ? `(${count}) ` : ""}Waiting · Sayso`;
  const shown = document.querySelector("#mine-title .count");
  if (shown && count) shown.textContent = count;
}

function offer(page) {
  const shown = (row) => document.getElementById(row.id);
  const mine = rows(page).filter((row) => row.closest("#mine") && !shown(row)?.closest("#mine"));
  const all = rows(page).filter((row) => !shown(row) || mine.includes(row));
  const others = all.every((row) => row.closest("#others"));
  const checked = document.querySelector("#unsure-title") && !page.querySelector("#unsure-title");
  fresh.hidden = all.length === 0 && !checked;
  if (fresh.hidden) {
    announced = 0;
    return;
  }
  const news = `${counted(mine.length || all.length)}${others ? " not for you to decide" : ""}`;
  const text = `${all.length ? news : "It could be checked what waits for you"} – show`;
  const button = fresh.querySelector("button");
  if (button.textContent !== text) button.textContent = text;
  if (mine.length > announced) announce(`${counted(mine.length)} waiting for you.`);
  announced = mine.length;
}

async function markEnded(lists) {
  for (const row of rows(document)) {
    if (row.dataset.open !== "yes" || lists.querySelector(`#${row.id}`)) continue;
    const page = await readPage(`/inbox/fragments/rows/${row.dataset.id}`);
    const next = page?.querySelector(".row");
    if (next && next.dataset.version !== row.dataset.version) replace(row, next);
  }
}

async function read() {
  const page = await readPage(`/inbox/fragments/waiting${location.search}`);
  const lists = page?.querySelector("#lists");
  if (!lists) return;
  retitle(lists);
  document.querySelector("#lists").dataset.unsure = lists.dataset.unsure;
  if (rows(document).length === 0) return showAll(lists);
  for (const next of rows(lists)) {
    const row = document.getElementById(next.id);
    if (row && row.dataset.version !== next.dataset.version) replace(row, next);
  }
  await markEnded(lists);
  offer(lists);
  tick();
}

function showAll(lists) {
  const known = new Set(rows(document).map((row) => row.id));
  document.querySelector("#lists").replaceWith(document.importNode(lists, true));
  fresh.hidden = true;
  announced = 0;
  tick();
  return rows(document).find((row) => !known.has(row.id));
}

export function startList() {
  const ask = gathered(read, 500);
  listen(ask);
  // Whether some of them wait for this person could not be checked: look again until it could.
  setInterval(() => document.querySelector("#lists").dataset.unsure && ask(), BETWEEN_CHECKS);
  fresh.querySelector("button").addEventListener("click", async () => {
    const page = await readPage(`/inbox/fragments/waiting${location.search}`);
    const lists = page?.querySelector("#lists");
    if (!lists) return;
    retitle(lists);
    showAll(lists)?.querySelector("a").focus();
  });
}
