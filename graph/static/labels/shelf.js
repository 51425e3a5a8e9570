import { WORDS } from "./words.js";

const BASE = new URL("..", import.meta.url); // …/labels/
const byId = (id) => document.getElementById(id);
const labels = new Map(); // code → what the server says of the label
const parts = new Map(); // code → its elements on the wall
let state = { stores: [], gateways: [], redraws: 0, lastInkMs: null };
let chosenStore = read("store") ?? "";
let language = read("language") ?? (document.documentElement.lang.startsWith("zh") ? "zh" : "en");
let words = WORDS[language] ?? WORDS.en;
let source = null;
let online = false;
let clockAhead = 0; // the server's clock less ours, in ms
let opened = null; // code of the label in the panel
let latest = null; // code of the label that changed last

function read(key) {
  try { return localStorage.getItem(`shelf.${key}`); } catch { return null; }
}
function keep(key, value) {
  try { localStorage.setItem(`shelf.${key}`, value); } catch { /* private windows may refuse */ }
}

// ------------------------------------------------------------------ reading the shelf

async function reload() {
  const answer = await fetch(new URL("state.json", BASE));
  if (!answer.ok) throw new Error(`state ${answer.status}`);
  state = await answer.json();
  clockAhead = Date.parse(state.now) - Date.now();
  const codes = state.labels.map((label) => label.code).join();
  const known = [...labels.keys()].join();
  for (const label of state.labels) labels.set(label.code, label);
  if (codes !== known) build();
  else for (const label of state.labels) show(label);
  header();
}

function listen() {
  source?.close();
  source = new EventSource(new URL("events", BASE));
  source.addEventListener("open", () => {
    online = true;
    reload().catch(() => { online = false; header(); });
  });
  source.addEventListener("error", () => {
    online = false;
    header();
    // A browser gives up for good on some answers; we don't.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  source.addEventListener("redraw", (event) => redraw(JSON.parse(event.data)));
  source.addEventListener("reload", () => reload().catch(() => {}));
  source.addEventListener("gateways", (event) => {
    state.gateways = JSON.parse(event.data).gateways;
    header();
  });
}

function redraw(news) {
  const label = labels.get(news.label);
  if (!label) return;
  label.face = news.face;
  state.redraws = news.redraws;
  if (news.inkMs !== null) {
    state.lastInkMs = news.inkMs;
    latest = news.label;
  }
  show(label, news.kind === "CHANGE");
  header();
  if (opened === news.label) fillPanel();
}

// ------------------------------------------------------------------ the wall

function order(a, b) {
  return (a.position ?? a.code).localeCompare(b.position ?? b.code, "en", { numeric: true });
}

function build() {
  const wall = byId("wall");
  parts.clear();
  const sections = state.stores.map((store) => {
    const mine = state.labels.filter((label) => label.store === store.code).sort(order);
    const section = document.createElement("section");
    section.dataset.store = store.code;
    const head = document.createElement("h2");
    const count = document.createElement("small");
    head.append(document.createTextNode(store.name), count);
    section.append(head);
    const list = document.createElement("ul");
    list.className = "rail";
    list.append(...mine.map(place));
    section.append(list);
    return section;
  });
  wall.replaceChildren(...sections);
  wall.setAttribute("aria-busy", "false");
  for (const label of state.labels) show(label);
  filter();
}

function place(label) {
  const item = byId("label-shape").content.firstElementChild.cloneNode(true);
  const image = item.querySelector("img");
  image.width = label.model.width;
  image.height = label.model.height;
  item.dataset.code = label.code;
  item.classList.toggle("tall", label.model.height > 150);
  item.classList.toggle("narrow", label.model.width < 272);
  item.querySelector(".place").textContent = label.position ?? label.code;
  item.querySelector("button").addEventListener("click", () => openPanel(label.code));
  parts.set(label.code, { item, image, since: item.querySelector(".since"), hash: null });
  return item;
}

function picture(label) {
  return new URL(`${encodeURIComponent(label.code)}.png?face=${label.face.hash.slice(0, 16)}`, BASE).href;
}

function name(label) {
  const { face } = label;
  if (!face) return label.sku;
  return (language === "en" && face.nameEn) || [face.brand, face.nameZh].filter(Boolean).join(" ");
}

function show(label, flashing = false) {
  const part = parts.get(label.code);
  if (!part) return;
  const { face } = label;
  part.item.classList.toggle("blank", !face);
  const price = face ? face.price ?? words.noPrice : words.waiting;
  part.image.alt = words.alt(name(label), price, label.position ?? label.code);
  if (!face || part.hash === face.hash) return age(label, part);
  part.hash = face.hash;
  const next = new Image();
  next.src = picture(label);
  // The old picture stays until the new one is here, as on the paper itself.
  next.decode().catch(() => {}).then(() => {
    if (part.hash !== face.hash) return;
    part.image.src = next.src;
    if (flashing) flash(part.item);
    age(label, part);
  });
}

function flash(item) {
  item.classList.remove("inked");
  void item.offsetWidth; // restarts the animation
  item.classList.add("inked");
}

function age(label, part) {
  let text = words.waiting;
  if (label.face) {
    const seconds = Math.max(0, Math.round((Date.now() + clockAhead - Date.parse(label.face.drawnAt)) / 1000));
    text = since(seconds);
    part.item.classList.toggle("fresh", label.face.redraws > 1 && seconds < 60);
  }
  if (part.since.textContent !== text) part.since.textContent = text;
}

function since(seconds) {
  if (seconds < 1) return words.now;
  const form = new Intl.RelativeTimeFormat(language === "zh" ? "zh-CN" : "en", { style: "narrow" });
  if (seconds < 60) return form.format(-seconds, "second");
  if (seconds < 3600) return form.format(-Math.floor(seconds / 60), "minute");
  return form.format(-Math.floor(seconds / 3600), "hour");
}

function filter() {
  const wanted = byId("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const section of byId("wall").children) {
    let here = 0;
    for (const item of section.querySelectorAll(".label")) {
      const label = labels.get(item.dataset.code);
      const face = label.face ?? {};
      const text = [label.code, label.sku, label.position, face.nameZh, face.nameEn, face.brand, face.gtin]
        .filter(Boolean).join(" ").toLowerCase();
      const fits = (!chosenStore || label.store === chosenStore) && wanted.every((word) => text.includes(word));
      item.hidden = !fits;
      here += fits ? 1 : 0;
    }
    section.hidden = here === 0;
    section.querySelector("small").textContent = words.places(here);
    found += here;
  }
  const nothing = byId("nothing");
  nothing.hidden = found > 0;
  nothing.textContent = labels.size ? words.nothingFound : words.nothingHere;
}

// ------------------------------------------------------------------ the header

function header() {
  const up = state.gateways.filter((gateway) => gateway.state === "LIVE").length;
  const all = state.gateways.length;
  const live = byId("live");
  const standing = !online ? "offline" : all && up === all ? "live" : "partly";
  live.dataset.state = standing;
  setText(byId("live-text"), online ? words.live(up, all) : labels.size ? words.offline : words.connecting);
  const figures = new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en");
  setText(byId("count"), figures.format(labels.size));
  setText(byId("redraws"), figures.format(state.redraws));
  setText(byId("ink"), state.lastInkMs === null ? "–" : `${figures.format(state.lastInkMs)} ms`);
  const button = byId("latest");
  const label = latest && labels.get(latest);
  button.hidden = !label?.face;
  if (label?.face) setText(button, words.latest(name(label), label.face.price ?? words.noPrice));
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function stores() {
  const chip = (code, text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-pressed", String(chosenStore === code));
    button.addEventListener("click", () => {
      chosenStore = code;
      keep("store", code);
      stores();
      filter();
    });
    return button;
  };
  if (!state.stores.some((store) => store.code === chosenStore)) chosenStore = "";
  const chips = [chip("", words.all), ...state.stores.map((store) => chip(store.code, store.name))];
  byId("stores").replaceChildren(...chips);
}

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `Shelfgraph · ${words.title}`;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of document.querySelectorAll("[data-hint]")) {
    const text = words[element.dataset.hint];
    if (element instanceof HTMLInputElement) element.placeholder = text;
    else { element.title = text; element.setAttribute("aria-label", text); }
  }
  byId("language").textContent = words.other;
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  stores();
  header();
  for (const label of labels.values()) show(label);
  filter();
  if (opened) fillPanel();
}

// ------------------------------------------------------------------ the panel of one label

function openPanel(code) {
  opened = code;
  byId("copied").textContent = "";
  fillPanel(true);
  byId("panel").showModal();
}

function fillPanel(anew = false) {
  const label = labels.get(opened);
  const face = label.face ?? {};
  byId("panel-title").textContent = [face.brand, face.nameZh].filter(Boolean).join(" ") || label.sku;
  byId("panel-title").lang = "zh-HK";
  byId("panel-latin").textContent = face.nameEn ?? "";
  const image = byId("panel-face");
  image.width = label.model.width;
  image.height = label.model.height;
  image.alt = words.alt(name(label), face.price ?? words.noPrice, label.position ?? label.code);
  image.hidden = !label.face;
  if (label.face && image.src !== picture(label)) {
    image.src = picture(label);
    if (!anew) flash(image.closest(".stage"));
  }
  const store = state.stores.find((one) => one.code === label.store);
  const drawn = face.drawnAt && new Date(face.drawnAt).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB");
  const facts = [
    ["price", face.price ?? words.noPrice], ["compareAt", face.compareAt], ["memberPrice", face.memberPrice],
    ["unitPrice", face.unitPrice], ["origin", face.origin], ["sku", label.sku], ["gtin", face.gtin],
    ["store", store?.name], ["place", label.position], ["code", label.code], ["gateway", label.gateway],
    ["model", `${label.model.width} × ${label.model.height} ${label.model.palette}`],
    ["version", face.priceVersion], ["drawn", drawn], ["times", face.redraws], ["hash", face.hash?.slice(0, 12)],
  ];
  byId("facts").replaceChildren(...facts.filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([key, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const detail = document.createElement("dd");
      term.textContent = words[key];
      detail.textContent = value;
      row.append(term, detail);
      return row;
    }));
  byId("mutation").textContent = mutation(label);
  byId("token").textContent = `shelfgraph token staff --store ${label.store}`;
}

function mutation(label) {
  const face = label.face ?? {};
  const text = JSON.stringify;
  const price = face.tenPercentLess
    ? { kind: "SALE", amount: face.tenPercentLess, currency: face.currencyCode }
    : { kind: "STORE", amount: "9.90", currency: "HKD" };
  const key = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `mutation CutPrice {
  pricesSet(input: {
    idempotencyKey: ${text(`shelf-${key}`)}
    prices: [{
      sku: ${text(label.sku)}
      kind: ${price.kind}
      amount: ${text(price.amount)}
      currencyCode: ${text(price.currency)}
      store: ${text(label.store)}
    }]
  }) {
    prices { id sku kind amount { amount currencyCode } }
    cursor
    userErrors { code message field }
  }
}`;
}

async function copy() {
  const code = byId("mutation");
  try {
    await navigator.clipboard.writeText(code.textContent);
    byId("copied").textContent = words.copied;
  } catch {
    getSelection().selectAllChildren(code);
    byId("copied").textContent = words.notCopied;
  }
}

// ------------------------------------------------------------------ what people do

byId("filter").addEventListener("input", filter);
byId("copy").addEventListener("click", copy);
byId("close").addEventListener("click", () => byId("panel").close());
byId("panel").addEventListener("close", () => { opened = null; });
byId("panel").addEventListener("click", (event) => {
  if (event.target === byId("panel")) byId("panel").close(); // beside the panel
});
byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  words = WORDS[language];
  keep("language", language);
  speak();
});
byId("latest").addEventListener("click", () => {
  const part = parts.get(latest);
  if (!part) return;
  if (part.item.hidden) {
    chosenStore = "";
    byId("filter").value = "";
    stores();
    filter();
  }
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.item.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  part.item.querySelector("button").focus({ preventScroll: true });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, dialog")) {
    event.preventDefault();
    byId("filter").focus();
  }
});
setInterval(() => {
  for (const [code, part] of parts) if (!part.item.hidden) age(labels.get(code), part);
}, 1000);

speak();
reload().then(() => { stores(); header(); }).catch(() => {}).finally(listen);
