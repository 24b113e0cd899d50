"use strict";
// What every page of this website does. The keys are those of the local stack, which everybody knows.
const WRITE_KEY = "local-consent-key"; // of a channel that tracks nobody who has not agreed
const SECRET_KEY = "local-secret-key";
const ADMIN_KEY = "local-admin-key";
const CONSENT = "tracking";

// The snippet of docs/kxt.md.
(function (name, source) {
  window.XperienceTrackerName = name;
  window[name] = window[name] || function () { (window[name].q = window[name].q || []).push(arguments); };
  const script = document.createElement("script");
  script.async = true;
  script.src = source;
  document.head.appendChild(script);
})("kxt", `/kxt.js?writeKey=${WRITE_KEY}`);
kxt("init");
kxt("pagevisit"); // held until the visitor agrees on this page, forgotten otherwise

const one = (selector) => document.querySelector(selector);
const cookie = (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1];
const isTracked = () => Number(cookie("CMSCookieLevel")) >= 200;
const say = (text) => { one("#status").textContent = text; };
const sayTracked = (what) => say(isTracked() ? `Told the platform: ${what}` : "Not told the platform: you have not agreed.");
const complain = (error) => say(`That failed: ${error.type ?? ""} ${error.detail ?? error}`);

// ---- Clicks, custom activities, forms

for (const element of document.querySelectorAll("[data-click]")) {
  element.addEventListener("click", () => {
    kxt("click", { label: element.dataset.click, onerror: complain });
    sayTracked(`click “${element.dataset.click}”`);
  });
}

one("#brochure")?.addEventListener("click", () => {
  kxt("customactivity", { type: "brochure_download", value: "Summer brochure", onerror: complain });
  sayTracked("custom activity brochure_download");
});

kxt("configurecontactfieldmapping", { email: "ContactEmail", firstName: "ContactFirstName", lastName: "ContactLastName" });

one("#newsletter")?.addEventListener("submit", (event) => {
  event.preventDefault();
  kxt("datainput", { formElement: event.target, label: "Newsletter", onerror: complain });
  sayTracked("data input “Newsletter”");
});

// ---- The consent banner

const TEXTS = {
  en: { agree: "Agree", refuse: "No, thank you", more: "What exactly?", other: "Česky" },
  cs: { agree: "Souhlasím", refuse: "Ne, děkuji", more: "Co přesně?", other: "English" },
};

function showBanner(language = "en") {
  kxt("consentdata", {
    codeName: CONSENT,
    languageName: language,
    onerror: complain,
    callback({ shortText, fullText }) {
      const words = TEXTS[language];
      const banner = one("#banner") ?? document.body.appendChild(document.createElement("aside"));
      banner.id = "banner";
      banner.lang = language;
      banner.setAttribute("aria-label", "Consent");
      banner.innerHTML = `<div><div id="question"></div><details><summary>${words.more}</summary><div></div></details><div class="choices">
        <button id="agree">${words.agree}</button><button id="refuse">${words.refuse}</button>
        <button id="language" class="plain">${words.other}</button></div></div>`;
      one("#question").innerHTML = shortText; // written by the website's own editors
      one("#banner details div").innerHTML = fullText;
      one("#agree").addEventListener("click", () => decide("consentagree", "You agreed. This page view and what follows is recorded."));
      one("#refuse").addEventListener("click", () => decide("consentrevoke", "Nothing is recorded, and this browser keeps no id."));
      one("#language").addEventListener("click", () => showBanner(language === "en" ? "cs" : "en"));
    },
  });
}

function decide(command, answer) {
  kxt(command, {
    codeName: CONSENT,
    onerror: complain,
    callback() {
      one("#banner").remove();
      say(answer);
    },
  });
}

one("#privacy").addEventListener("click", () => showBanner());
if (cookie("CMSCookieLevel") === undefined) showBanner(); // whoever has decided is not asked again

// ---- Members: what the website's server would do

async function tellAsServer(event) {
  const answer = await fetch("/v1/track", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Basic ${btoa(`${SECRET_KEY}:`)}` },
    body: JSON.stringify({ ...event, anonymousId: cookie("CMSCurrentProfile") }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

const memberId = (email) => `member-${email.trim().toLowerCase()}`; // a real website has a database for this

one("#register")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, email } = Object.fromEntries(new FormData(event.target));
  tellAsServer({ userId: memberId(email), event: "memberregistration", properties: { member_id: memberId(email), name, email } })
    .then(() => say(`Welcome, ${name}: you are a member now.`), complain);
});

one("#signin")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const { email } = Object.fromEntries(new FormData(event.target));
  tellAsServer({ userId: memberId(email), event: "userlogin" }).then(() => say(`Signed in as ${email}.`), complain);
});

// ---- What became of it

async function ask(path) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  return answer.ok ? answer.json() : null;
}

async function showProfile() {
  const id = cookie("CMSCurrentProfile");
  const path = `/profiles/${encodeURIComponent(`anonymous_id:${id}`)}`;
  const profile = id ? await ask(path) : null;
  if (!profile) {
    say(id ? "The next flush, within ten seconds, makes a profile. Try again." : "Nobody knows you: you have not agreed.");
    return;
  }
  const { items } = await ask(`${path}/activities?limit=50`);
  const facts = {
    Name: profile.display_name,
    Verified: profile.verified ? "yes, a member" : "no",
    ...profile.contact,
    Activities: profile.activity_counts.total,
  };
  one("#facts").replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [
    element("dt", name.replaceAll("_", " ")), element("dd", typeof value === "object" ? JSON.stringify(value) : value)]));
  one("#timeline").replaceChildren(...items.map((activity) => {
    const line = element("li");
    const time = element("time", new Date(activity.occurred_at).toLocaleTimeString());
    time.dateTime = activity.occurred_at;
    line.append(time, element("span", activity.title), element("code", activity.type));
    return line;
  }));
  one("#json").textContent = JSON.stringify(profile, null, 2);
  one("#found").hidden = false;
  say("");
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

one("#show")?.addEventListener("click", () => showProfile().catch(complain));
if (one("#show")) showProfile().catch(complain);
