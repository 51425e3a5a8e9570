// The counter of a store: who works there signs in, picks what was ordered, and hands it over for a code.
import { Graph, Refused } from "./graph.js";
import { WORDS } from "./words.js";

const PICKUP = `fragment P on Pickup { id state shelf heldUntil
  order { number placedAt lines { id name quantity } } }`;
const WATCH = `subscription Queue($store: String!, $after: EventCursor) {
  pickupQueueChanged(store: $store, after: $after) { kind cursor pickup { ...P } } } ${PICKUP}`;
const STORE = "query Store($store: String!) { store(code: $store) { name } }";
const SIGN_IN = `mutation SignIn($input: StaffSignInInput!) {
  staffSignIn(input: $input) { accessToken userErrors { code message } } }`;
const ERRORS = `userErrors { code message ... on PickupCodeError {
  attemptsLeft lockedUntil collectedAt collectedBy store { name } } }`;
const document_ = (name) => `mutation M($input: ${name[0].toUpperCase()}${name.slice(1)}Input!) {
  ${name}(input: $input) { pickup { ...P } ${ERRORS} } } ${PICKUP}`;
const [PREPARE, READY, VERIFY, COLLECT] = ["pickupPrepare", "pickupReady", "pickupVerify", "pickupCollect"].map(document_);
const OPEN = ["REQUESTED", "PREPARING", "READY"];

const $ = (id) => document.getElementById(id);
const queue = new Map();
let language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
let graph, store, leave;

const words = () => WORDS[language];
const locale = () => (language === "zh" ? "zh-CN" : "en");
const moment = (text) => new Date(text).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
const short = (text) => new Date(text).toLocaleString(locale(), { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const element = (name, text, kind) => Object.assign(document.createElement(name), { textContent: text, className: kind ?? "" });

// ------------------------------------------------------------------ words

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = words()[one.dataset.word];
  for (const one of document.querySelectorAll("[data-hint]")) {
    one.placeholder = words()[one.dataset.hint];
    one.ariaLabel = words()[one.dataset.hint];
  }
  $("language").textContent = words().other;
  stands($("live").dataset.state === "live");
  if (graph) name();
  draw();
}

async function name() {
  const found = await graph.ask(STORE, { store });
  $("store").textContent = found.store ? found.store.name : store;
}

// ------------------------------------------------------------------ sign in

async function token(form) {
  const { store, username, password } = Object.fromEntries(new FormData(form));
  if (username) return (await new Graph(null, locale).act(SIGN_IN, { username, password })).accessToken;
  const body = JSON.stringify({ kind: "staff", store });
  const answer = await fetch("dev/token", { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!answer.ok) throw new Error(words().failed);
  return (await answer.json()).token;
}

async function open_(given, at) {
  graph = new Graph(given, locale);
  store = at;
  sessionStorage.setItem("counter", JSON.stringify([given, at]));
  $("sign-in").hidden = true;
  for (const id of ["desk", "live", "sign-out"]) $(id).hidden = false;
  $("code").focus();
  leave = graph.watch(WATCH, { store }, hears, stands);
  await name();
}

function close_() {
  sessionStorage.removeItem("counter");
  location.reload();
}

// ------------------------------------------------------------------ the queue

function hears(event) {
  if (event.kind === "RESYNC") queue.clear();
  if (event.pickup) {
    if (OPEN.includes(event.pickup.state)) queue.set(event.pickup.id, event.pickup);
    else queue.delete(event.pickup.id);
  }
  draw();
}

function stands(isLive) {
  $("live").dataset.state = isLive ? "live" : "offline";
  $("live-text").textContent = isLive ? words().live : words().offline;
}

function draw() {
  const typed = new Map([...document.querySelectorAll("#queue input")].map((one) => [one.name, one.value]));
  const focused = document.activeElement?.name;
  $("queue").replaceChildren(...[...queue.values()].map((pickup) => card(pickup, typed)));
  if (typed.has(focused)) document.querySelector(`#queue input[name="${focused}"]`)?.focus();
  $("count").textContent = queue.size || "";
  $("empty").hidden = queue.size > 0;
}

function card(pickup, typed) {
  const one = $("card").content.firstElementChild.cloneNode(true);
  one.dataset.state = pickup.state;
  one.dataset.number = pickup.order.number;
  one.querySelector(".number").textContent = pickup.order.number;
  one.querySelector(".state").textContent = words().states[pickup.state];
  one.querySelector("time").textContent = short(pickup.order.placedAt);
  one.querySelector(".lines").append(...lines(pickup));
  if (pickup.shelf) one.querySelector(".shelf").textContent = words().lies(pickup.shelf);
  const foot = one.querySelector("footer");
  if (pickup.state === "REQUESTED") foot.append(button(words().prepare, () => graph.act(PREPARE, { pickupId: pickup.id })));
  if (pickup.state === "PREPARING") {
    const shelf = Object.assign(element("input"), { name: pickup.id, value: typed.get(pickup.id) ?? "", placeholder: words().shelf });
    shelf.ariaLabel = words().shelf;
    const key = crypto.randomUUID();
    const ready = () => graph.act(READY, { idempotencyKey: key, pickupId: pickup.id, shelf: shelf.value.trim() || null });
    foot.append(shelf, button(words().ready, ready));
  }
  return one;
}

function lines(pickup) {
  return pickup.order.lines.map((line) => {
    const row = element("li");
    row.append(element("b", `${line.quantity} ×`), element("span", line.name));
    return row;
  });
}

function button(text, act) {
  const one = Object.assign(element("button", text, "strong"), { type: "button" });
  one.onclick = async () => {
    one.disabled = true;
    try { await act(); } catch (error) { refuse(error); } finally { one.disabled = false; }
  };
  return one;
}

// ------------------------------------------------------------------ handing over

async function look(code) {
  try {
    const { pickup } = await graph.act(VERIFY, { store, code });
    const key = crypto.randomUUID();
    const give = button(words().collect, async () => {
      await graph.act(COLLECT, { idempotencyKey: key, store, code });
      $("code").value = "";
      answer(element("p", words().done(pickup.order.number), "good"));
      $("code").focus();
    });
    const what = element("ul", "", "lines");
    what.append(...lines(pickup));
    answer(element("strong", pickup.order.number, "number"), what, element("p", pickup.shelf ? words().lies(pickup.shelf) : "", "shelf"), give);
    give.focus();
  } catch (error) { refuse(error); }
}

function refuse(failure) {
  if (!(failure instanceof Refused)) { answer(element("p", words().failed, "wrong")); return; }
  if (failure.code === "UNAUTHENTICATED") { close_(); return; }
  const { attemptsLeft, lockedUntil, store: other, collectedAt, collectedBy } = failure.error;
  const more = [
    other && words().elsewhere(other.name),
    collectedAt && words().collected(collectedBy, moment(collectedAt)),
    lockedUntil ? words().until(moment(lockedUntil)) : attemptsLeft < 5 && words().attempts(attemptsLeft),
  ].filter(Boolean);
  answer(element("p", failure.message, "wrong"), ...more.map((text) => element("p", text, "note")));
  $("code").select();
}

function answer(...parts) {
  $("answer").hidden = false;
  $("answer").replaceChildren(...parts);
}

// Where the browser reads codes by itself, its camera does; a wedge scanner types like a keyboard.
async function scan() {
  const video = $("video");
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.hidden = false;
  await video.play();
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  const stop = () => {
    for (const track of video.srcObject.getTracks()) track.stop();
    video.hidden = true;
  };
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    const [found] = await detector.detect(video);
    if (found) { stop(); $("code").value = found.rawValue; await look(found.rawValue); return; }
    await new Promise((done) => setTimeout(done, 150));
  }
  stop();
}

// ------------------------------------------------------------------ the page

$("language").onclick = () => { language = language === "zh" ? "en" : "zh"; speak(); };
$("sign-out").onclick = () => { leave?.(); close_(); };
$("look").onsubmit = (event) => { event.preventDefault(); if ($("code").value.trim()) look($("code").value); };
$("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  try { await open_(await token(form), form.elements.store.value.trim()); } catch (error) {
    $("sign-in-wrong").hidden = false;
    $("sign-in-wrong").textContent = error.message || words().failed;
  }
};
if ("BarcodeDetector" in window && navigator.mediaDevices) {
  $("camera").hidden = false;
  $("camera").onclick = () => scan().catch(refuse);
}
speak();
const kept = sessionStorage.getItem("counter");
if (kept) open_(...JSON.parse(kept)).catch(close_);
