// Exchanges the token of a sign-in link for a session. The token lies in the fragment, which is never sent by itself,
// and leaves the address before anything else happens.

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

function show(state) {
  for (const section of document.querySelectorAll("[data-state]")) {
    section.hidden = section.dataset.state !== state;
  }
}

async function signIn() {
  show("busy");
  let response;
  try {
    response = await fetch("/inbox/session", { method: "POST", body: new URLSearchParams({ token }) });
  } catch {
    return show("unreachable");
  }
  if (response.ok) {
    const { next } = await response.json();
    return location.replace(next);
  }
  show(response.status === 410 ? "used" : "unreachable");
}

document.querySelector("#retry").addEventListener("click", signIn);
if (token) signIn();
else show("none");
