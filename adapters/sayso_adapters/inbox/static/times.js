// Times: "in 14 min" that ticks, or the exact time with its zone. Reckoned by the server's clock, not the browser's.

const skew = Date.parse(document.documentElement.dataset.now) - Date.now();
const EXACT = "sayso.exact-times";
const exact = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
  timeZoneName: "short",
});

export function now() {
  return Date.now() + skew;
}

function span(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10 && minutes % 60) return `${hours} h ${minutes % 60} min`;
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

function relative(at) {
  const distance = at - now();
  if (Math.abs(distance) < 1000) return "now";
  return distance > 0 ? `in ${span(distance)}` : `${span(-distance)} ago`;
}

function isExact() {
  return localStorage.getItem(EXACT) === "yes";
}

function tick() {
  const wanted = isExact();
  for (const time of document.querySelectorAll("time")) {
    const at = Date.parse(time.dateTime);
    const text = wanted ? exact.format(at) : relative(at);
    if (time.textContent !== text) time.textContent = text;
    if (time.title !== exact.format(at)) time.title = exact.format(at);
    const left = at - now();
    time.closest(".deadline")?.classList.toggle("soon", left > 0 && left < 5 * 60 * 1000);
  }
}

export function startTimes() {
  const button = document.querySelector("#exact");
  if (button) {
    const reflect = () => {
      button.setAttribute("aria-pressed", String(isExact()));
      tick();
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      localStorage.setItem(EXACT, isExact() ? "no" : "yes");
      reflect();
    });
    document.querySelector("#zone").textContent =
      `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ")}.`;
    reflect();
  }
  tick();
  setInterval(tick, 1000);
}

export { tick };
