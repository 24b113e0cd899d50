"use strict";
// The same requests that an SDK makes, by hand: one fetch an event.
const WRITE_KEY = "local-write-key";
const ADMIN_KEY = "local-admin-key";

const anonymousId = localStorage.getItem("anonymousId") || crypto.randomUUID();
localStorage.setItem("anonymousId", anonymousId);
document.getElementById("anonymous").textContent = anonymousId;

let userId = null;

const EVENTS = {
  page: () => ({ name: document.title, properties: { url: location.href, title: document.title } }),
  track: () => ({ event: "Demo Clicked", properties: { at: performance.now() } }),
  identify: () => {
    userId = document.getElementById("user").value;
    return { traits: { firstName: "Demo", email: `${userId}@example.com` } };
  },
};

async function send(type) {
  const event = { messageId: crypto.randomUUID(), anonymousId, timestamp: new Date().toISOString(), ...EVENTS[type]() };
  if (userId) event.userId = userId;
  const answer = await fetch(`/v1/${type}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Basic ${btoa(`${WRITE_KEY}:`)}` },
    body: JSON.stringify(event),
  });
  report(`${type}: ${answer.status} ${await answer.text()}`);
}

function report(text) {
  const line = document.createElement("li");
  line.textContent = text;
  document.getElementById("answers").append(line);
}

async function showProfile() {
  const name = userId ? `user_id:${userId}` : `anonymous_id:${anonymousId}`;
  const answer = await fetch(`/profiles/${encodeURIComponent(name)}`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  document.getElementById("profile").textContent = JSON.stringify(await answer.json(), null, 2);
}

for (const button of document.querySelectorAll("[data-send]")) {
  button.addEventListener("click", () => send(button.dataset.send).catch((error) => report(String(error))));
}
document.getElementById("show").addEventListener("click", showProfile);
