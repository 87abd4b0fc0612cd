// The live page: takes what is pushed, and draws it.

import { $, make, put, attribute, keyed, rate, percent, millis, number } from "./dom.js";
import { store, take, add, addEvent, addDecisions, recent, last } from "./store.js";
import { where, hash } from "./link.js";
import { showCharts } from "./charts.js";
import { showReplicas, startReplicas } from "./replicas.js";
import { showEvents, say } from "./timeline.js";
import { showDecisions, startDecisions, filtered } from "./decisions.js";
import { startDetail, routed } from "./detail.js";

let paused = false;

// success is the share of calls that succeeded in the last minute; null without calls.
function success(s) {
  const ok = recent(s.columns.ok, 60), bad = (recent(s.columns.failed, 60) ?? 0) + (recent(s.columns.refused, 60) ?? 0);
  return ok == null || ok + bad === 0 ? null : ok / (ok + bad);
}

// few is a rate over the last seconds: single ones jump.
const few = column => { const sum = recent(column, 5); return sum == null ? null : sum / Math.min(5, column.filter(v => v != null).length || 1); };

// verdict says in a few words how a service is.
function verdict(s) {
  const bad = s.now.out, off = s.now.drained;
  if (s.now.panic) return ["bad", "panic: all replicas are used"];
  if (!s.now.set) return ["warn", "no replicas yet"];
  if (bad) return ["bad", `${bad} of ${s.now.set} out`];
  if (success(s) != null && success(s) < 0.99) return ["bad", "calls fail"];
  if (off) return ["note", `${off} drained`];
  return ["good", "all well"];
}

const chosen = () => store.services.get(where().s) ?? store.services.values().next().value;

// draw shows what is known, unless nobody looks: force is for what somebody has asked for while it is paused.
function draw(force) {
  if (paused && force !== true || document.hidden) return;
  const s = chosen();
  if (s && s.now.name !== store.of && source && !asking) connect(); // for the replicas of this one
  const all = [...store.services.values()], bad = all.filter(s => verdict(s)[0] === "bad").length;
  document.title = (bad ? "⚠ " : "") + store.title;
  put($("title"), store.title);
  put($("version"), store.version);
  put($("notice"), store.notice);
  $("notice").hidden = !store.notice;
  $("nothing").hidden = Boolean(s);
  $("service").hidden = !s;
  showOverview(all, s);
  if (s) showService(s);
  showEvents();
  showDecisions();
}

function showOverview(all, s) {
  $("overview").hidden = all.length < 2;
  const body = $("services").tBodies[0];
  if (all.length > 8 && !body.matches(":hover") && !body.contains(document.activeElement)) { // of many those in trouble first
    const rank = new Map(all.map(s => [s, ["bad", "warn", "note", "good"].indexOf(verdict(s)[0])]));
    body.order = all.toSorted((a, b) => rank.get(a) - rank.get(b)).map(s => s.now.name);
  }
  const names = all.map(s => s.now.name).sort((a, b) => (body.order?.indexOf(a) ?? 0) - (body.order?.indexOf(b) ?? 0));
  keyed(body, names, name => {
    const tr = make("tr", {}, make("th", { scope: "row" }, make("a", { text: name })), make("td", {}, make("span")), ...Array.from({ length: 7 }, () => make("td", { class: "n" })));
    return tr;
  }, (tr, name) => {
    const of = store.services.get(name), [level, text] = verdict(of), c = tr.cells;
    attribute(c[0].firstChild, "href", hash({ s: name }));
    attribute(c[0].firstChild, "aria-current", of === s ? "true" : null);
    put(c[1].firstChild, text);
    attribute(c[1].firstChild, "class", "badge " + level);
    [rate((few(of.columns.ok) ?? 0) + (few(of.columns.failed) ?? 0) + (few(of.columns.refused) ?? 0)), percent(success(of)), millis(last(of.columns.p50_ms)), millis(last(of.columns.p99_ms)),
      rate(few(of.columns.retries)), rate(few(of.columns.hedges)), number(last(of.columns.budget))].forEach((text, i) => put(c[i + 2], text));
  });
}

function showService(s) {
  put($("service-title"), s.now.name);
  const [level, text] = verdict(s);
  put($("verdict"), text);
  attribute($("verdict"), "class", "badge " + level);
  const facts = [`${s.now.set} ${s.now.set === 1 ? "replica" : "replicas"}` + (s.now.drained ? ` and ${s.now.drained} drained` : "")];
  if (s.now.set_age_s >= 0) facts.push(`set ${s.now.set_age_s < 90 ? Math.round(s.now.set_age_s) + " s" : Math.round(s.now.set_age_s / 60) + " min"} old`);
  if (s.now.hedge_delay_ms) facts.push(`hedges after ${millis(s.now.hedge_delay_ms)}`);
  put($("facts"), facts.join(" · "));
  const c = s.columns, calls = (few(c.ok) ?? 0) + (few(c.failed) ?? 0) + (few(c.refused) ?? 0);
  const figures = [["Calls/s", rate(calls)], ["Success", percent(success(s)), success(s) != null && success(s) < 0.99], ["p50", millis(last(c.p50_ms))], ["p99", millis(last(c.p99_ms))],
    ["In flight", number(last(c.in_flight))], ["Retries/s", rate(few(c.retries))], ["Hedges/s", rate(few(c.hedges))], ["Budget left", number(last(c.budget))]];
  keyed($("figures"), figures.map(f => f[0]), name => make("div", {}, make("dt", { text: name }), make("dd")), (e, name) => {
    const [, value, bad] = figures.find(f => f[0] === name);
    put(e.lastChild, value);
    attribute(e.lastChild, "class", bad ? "text-bad" : "");
  });
  showReplicas(s);
  showCharts(s, Number($("range").value), store.events.filter(e => !e.service || e.service === s.now.name));
}

// The stream. A browser reconnects by itself, but not after a reply that is no stream, nor when nothing comes any more.
let due = 0;
let source = null, heard = 0, pause = 1000;
let asking = false; // for another service, whose state has not come yet

// connect watches the service that is shown. A page that nobody sees does not: a browser has six connections to a program, for
// all of its pages.
function connect() {
  source?.close();
  source = null;
  if (document.hidden) return status("away");
  const s = chosen(), same = s && s.now.name === store.of;
  const q = new URLSearchParams({ service: s?.now.name ?? where().s ?? "" });
  if (store.boot && same) q.set("last", `${store.boot}-${store.tick}`);
  asking = !same;
  source = new EventSource("/events?" + q);
  heard = Date.now();
  const on = (name, f) => source.addEventListener(name, e => {
    heard = Date.now();
    f(JSON.parse(e.data));
  });
  on("state", s => {
    take(s);
    asking = false;
    pause = 1000;
    status("live");
    draw();
    routed();
    filtered();
  });
  on("tick", t => { if (add(t)) draw(); });
  on("event", e => {
    if (!addEvent(e)) return;
    foresee(e);
    say(e);
    due ||= requestAnimationFrame(() => { // many may come at once
      due = 0;
      draw();
    });
  });
  on("decisions", addDecisions);
  source.addEventListener("error", lost);
}

// foresee shows in a replica's row what the next sample will say.
function foresee(e) {
  const s = store.services.get(e.service)?.now, r = s?.replicas.find(r => r.addr === e.replica);
  if (s && e.kind === "ejected" && (r?.breaker ?? "closed") === "closed") s.out++;
  if (s?.out && e.kind === "returned" && r?.breaker !== "closed") s.out--;
  if (r && e.kind === "ejected") Object.assign(r, { state: "ejected", breaker: "open", why: e.text.replace("out of use: ", "") });
  if (r && e.kind === "returned") Object.assign(r, { state: "ok", breaker: "closed", why: "" });
}

let retry = 0;

function lost() {
  asking = false;
  if (!source) return;
  status("lost");
  if (source.readyState !== EventSource.CLOSED || retry) return;
  retry = setTimeout(again, pause);
  pause = Math.min(2 * pause, 5000);
}

// again finds out what is wrong, which an EventSource does not say, and connects.
async function again() {
  const stop = new AbortController();
  try {
    const reply = await fetch("/events", { cache: "no-store", signal: stop.signal });
    if (reply.status === 401) return location.reload(); // where the form is
    if (reply.status === 503 && reply.headers.has("Retry-After")) {
      status("full");
      retry = setTimeout(again, 5000);
      return;
    }
  } catch { /* not there yet */ } finally {
    stop.abort();
  }
  retry = 0;
  connect();
}

function status(is) {
  const c = $("connection");
  if (paused && is === "live") is = "paused";
  attribute(c, "data-is", is);
  put(c.firstElementChild, { live: "live", paused: "paused", away: "not watching", lost: "connection lost, trying again", full: "too many watch already, trying again" }[is]);
}

setInterval(() => {
  if (source && Date.now() - heard > 5000 && !retry) {
    status("lost");
    connect();
  }
}, 1000);

function start() {
  startReplicas(() => draw(true));
  startDecisions();
  startDetail();
  $("skip").addEventListener("click", e => { // the fragment is ours
    e.preventDefault();
    $("main").focus();
  });
  $("range").addEventListener("change", () => draw(true));
  $("pause").addEventListener("click", () => {
    paused = !paused;
    attribute($("pause"), "aria-pressed", paused);
    if ($("connection").dataset.is !== "lost") status("live");
    draw();
  });
  const themes = ["auto", "light", "dark"], root = document.documentElement;
  const name = () => put($("theme"), "Theme: " + (root.dataset.theme ?? "auto"));
  $("theme").addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % 3];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try { localStorage.setItem("rota-theme", next); } catch { /* not allowed to remember */ }
    name();
    draw(true);
  });
  name();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(true));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !source) connect();
    draw();
  });
  addEventListener("hashchange", () => {
    filtered();
    routed();
    draw(true);
  });
  connect();
}

start();
