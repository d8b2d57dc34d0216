// Live hints. A hint says that something changed, and the page reads it again; so losing hints loses nothing, as long
// as the page reads everything again whenever it was cut off. Says so on the page while it is.

const SILENCE = 45_000;
const BETWEEN_TRIES = 3_000;
const BETWEEN_READS = 15_000;

const banner = document.querySelector("#connection");
const WORDS = {
  live: "",
  lost: "Connection lost. Reconnecting. What you see may be out of date.",
  slow: "Live updates are busy in your other tabs. This one looks again every 15 seconds.",
  out: "You have been signed out. Sign in again to answer.",
};

function show(state) {
  if (banner.dataset.state === state) return;
  banner.dataset.state = state;
  banner.textContent = WORDS[state];
  banner.hidden = state === "live";
}

export function listen(onHint) {
  let source;
  let silence;
  let retry;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(lose, SILENCE);
  }

  function open() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource("/inbox/events");
    source.addEventListener("alive", heard);
    source.addEventListener("open", () => {
      show("live");
      heard();
      onHint({ id: "", kind: "again" });
    });
    source.addEventListener("message", (event) => {
      heard();
      onHint(JSON.parse(event.data));
    });
    source.addEventListener("error", () => lose());
  }

  function lose() {
    clearTimeout(silence);
    source.close();
    if (banner.dataset.state !== "slow") show("lost");
    clearTimeout(retry);
    retry = setTimeout(probe, banner.dataset.state === "slow" ? BETWEEN_READS : BETWEEN_TRIES);
  }

  // An event source does not tell why it was refused; an ordinary call does.
  async function probe() {
    const stop = new AbortController();
    try {
      const response = await fetch("/inbox/events", { signal: stop.signal });
      stop.abort();
      if (response.status === 401) return show("out");
      if (response.status !== 429) return open();
      show("slow");
      onHint({ id: "", kind: "again" });
      retry = setTimeout(probe, BETWEEN_READS);
    } catch {
      show("lost");
      retry = setTimeout(probe, BETWEEN_TRIES);
    }
  }

  window.addEventListener("offline", lose);
  window.addEventListener("online", open);
  window.addEventListener("pagehide", () => {
    clearTimeout(silence);
    clearTimeout(retry);
    source.close();
  });
  window.addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

export async function readPage(address) {
  const response = await fetch(address);
  if (response.status === 401) show("out");
  if (!response.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

export function announce(text) {
  document.querySelector("#announce").textContent = text;
}

// Runs `read` soon after it was asked for, once for many askings, never twice at a time.
export function gathered(read, pause) {
  let waiting = false;
  let running = false;
  return async function ask() {
    if (running) {
      waiting = true;
      return;
    }
    running = true;
    do {
      waiting = false;
      try {
        await read();
      } catch (error) {
        // A failed fetch: the connection says so by itself, and reads again when it is back.
        if (!(error instanceof TypeError)) throw error;
      }
      await new Promise((done) => setTimeout(done, pause));
    } while (waiting);
    running = false;
  };
}
