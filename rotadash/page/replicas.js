// The rows of a service's replicas.

import { $, make, put, attribute, keyed, percent, millis, host } from "./dom.js";
import { store } from "./store.js";
import { where, hash, go } from "./link.js";
import { act, ask } from "./act.js";

const levels = { ok: "good", warming: "note", rests: "warn", "on trial": "warn", failing: "bad", ejected: "bad", drained: "note", vanished: "warn" };
const svg = name => document.createElementNS("http://www.w3.org/2000/svg", name);

const levelOf = state => levels[state] ?? "note";

// cell makes one that names its column where rows are cards.
const cell = (label, cls, ...children) => make("td", { role: "cell", class: cls, "data-label": label }, ...children);

function row(key) {
  const addr = key.slice(key.indexOf("\n") + 1);
  const tr = make("tr", { role: "row" });
  const p = tr.parts = {
    link: make("a", { text: host(addr), title: addr, "aria-label": "Decisions of " + host(addr) }), badge: make("span", { class: "badge" }), why: make("span", { class: "quiet why" }),
    bar: make("span", { class: "bar-in" }), share: make("span"), flight: make("span"), line: spark(), latency: make("span"),
    success: make("span"), breaker: make("span"), opened: make("span", { class: "quiet" }), weight: make("span"), zone: make("span"), acts: make("span", { class: "buttons" }),
  };
  tr.append(
    make("th", { role: "rowheader", scope: "row", class: "name" }, p.link), cell("State", "state", p.badge, " ", p.why),
    cell("Share of picks", "share", make("span", { class: "bar", "aria-hidden": "true" }, p.bar), p.share), cell("In flight", "n", p.flight),
    cell("Latency p50, p99", "lat", p.line, p.latency), cell("Success", "n", p.success), cell("Breaker", "breaker", p.breaker, " ", p.opened),
    cell("Weight", "n", p.weight), cell("Zone", "zone", p.zone), cell("By hand", "acts", p.acts));
  return tr;
}

function spark() {
  const s = svg("svg");
  s.setAttribute("viewBox", "0 0 120 26");
  s.setAttribute("preserveAspectRatio", "none");
  s.setAttribute("class", "spark");
  s.setAttribute("aria-hidden", "true");
  for (const of of ["p99", "p50"]) {
    const path = svg("path");
    path.setAttribute("class", of);
    path.setAttribute("vector-effect", "non-scaling-stroke");
    s.append(path);
  }
  return s;
}

// trace makes the path of values, gaps included.
function trace(values, most) {
  let d = "", pen = false;
  values.forEach((v, i) => {
    if (v == null) { pen = false; return; }
    const x = (120 * i / Math.max(values.length - 1, 1)).toFixed(1), y = (25 - 24 * Math.min(v / most, 1)).toFixed(1);
    d += (pen ? "L" : "M") + x + " " + y;
    if (!pen) d += "h.5";
    pen = true;
  });
  return d;
}

const sparkSeconds = 120;

function update(tr, s, r, most) {
  const p = tr.parts, columns = s.replicas.get(r.addr) ?? {};
  attribute(p.link, "href", hash({ replica: r.addr, service: s.now.name }));
  put(p.badge, r.state);
  attribute(p.badge, "class", "badge " + levelOf(r.state));
  const hurt = (r.on ?? []).map(name => store.actions.find(a => a.name === name)?.title ?? name);
  put(p.why, [r.why, ...hurt.map(h => "on: " + h)].filter(Boolean).join("; "));
  attribute(tr, "class", levelOf(r.state) === "bad" ? "is-bad" : r.state === "drained" ? "is-out" : "");
  p.bar.style.width = (100 * (r.share ?? 0)).toFixed(1) + "%";
  put(p.share, percent(r.share));
  put(p.flight, r.in_flight);
  const [under, over] = p.line.children;
  attribute(under, "d", trace((columns.p99_ms ?? []).slice(-sparkSeconds), most));
  attribute(over, "d", trace((columns.p50_ms ?? []).slice(-sparkSeconds), most));
  put(p.latency, `${millis(r.values.p50_ms)}, ${millis(r.values.p99_ms)}`);
  put(p.success, percent(r.success));
  attribute(p.success, "class", r.success != null && r.success < 0.9 ? "text-bad" : "");
  put(p.breaker, r.breaker || "–");
  put(p.opened, r.opened ? `opened ${r.opened}×` : "");
  put(p.weight, r.weight + (r.weight_by_hand ? " by hand" : "") + (r.priority ? `, priority ${r.priority}` : ""));
  put(p.zone, r.zone || "–");
  buttons(p.acts, s.now, r);
}

// buttons are what can be done to a replica.
function buttons(parent, s, r) {
  const list = [];
  for (const a of store.actions) {
    if (a.service && a.service !== s.name) continue;
    list.push({ key: a.name, text: a.title, on: a.toggles ? Boolean(r.on?.includes(a.name)) : null, can: true });
  }
  if (store.write) {
    const drained = r.state === "drained";
    if (s.can_override) list.push(drained ? { key: "undrain", text: "Take back" } : { key: "drain", text: "Drain" });
    if (s.can_eject) list.push({ key: "eject", text: "Eject", off: drained || r.breaker === "open" });
    if (s.can_override) list.push({ key: "weight", text: "Weight…", off: drained });
  }
  parent.groups ??= [0, 1].map(() => parent.appendChild(make("span", { class: "group" })));
  [true, false].forEach((can, i) => group(parent.groups[i], list.filter(b => Boolean(b.can) === can), s, r));
}

function group(parent, list, s, r) {
  keyed(parent, list.map(b => b.key), key => {
    const b = make("button", { type: "button", class: "small" });
    b.addEventListener("click", () => press(key, s.name, r.addr));
    return b;
  }, (b, key) => {
    const of = list.find(l => l.key === key);
    put(b, of.text);
    attribute(b, "aria-label", `${of.text} ${host(r.addr)}`);
    attribute(b, "aria-pressed", of.on);
    b.disabled = Boolean(of.off);
    b.classList.toggle("of-program", Boolean(of.can));
  });
}

const questions = {
  drain: r => `${r} gets no new calls from here until it is taken back. Calls under way go on.`,
  undrain: r => `${r} gets calls again.`,
  eject: r => `${r} is out of use until a trial finds it well, as if it had failed.`,
  weight: r => `${r} gets this share of calls beside the others, where the balancer heeds weights.`,
};
const titles = { drain: "Drain?", undrain: "Take back?", eject: "Eject?", weight: "Another weight?" };

async function press(key, service, replica) {
  const action = store.actions.find(a => a.name === key && (!a.service || a.service === service));
  const order = { act: key, service, replica };
  if (action) {
    if (action.confirm && !await ask({ title: action.title + "?", text: `${action.confirm} (${host(replica)})` })) return;
  } else {
    const now = store.services.get(service)?.now.replicas.find(r => r.addr === replica);
    const answer = await ask({ title: titles[key], text: questions[key](host(replica)), weight: key === "weight" ? now?.weight ?? 1 : null });
    if (!answer) return;
    Object.assign(order, { confirm: true }, key === "weight" ? { weight: answer.weight } : {});
  }
  await act(order, `${action?.title ?? titles[key].replace("?", "")}: ${host(replica)}`);
}

const few = 8; // replicas, that need no order but their names
const most = 20; // rows, unless all are asked for
let all = false;

const rank = { failing: 0, ejected: 0, "on trial": 1, rests: 2, vanished: 2, drained: 3, warming: 4 };
const trouble = r => rank[r.state] ?? 5;
const orders = {
  "": (a, b) => trouble(a) - trouble(b),
  name: () => 0,
  share: (a, b) => (b.share ?? -1) - (a.share ?? -1),
  flight: (a, b) => b.in_flight - a.in_flight,
  p99: (a, b) => (b.values.p99_ms ?? -1) - (a.values.p99_ms ?? -1),
};

// arranged returns the rows that are shown. Under the pointer or the focus they keep their order: buttons do not move away.
function arranged(rows) {
  const f = where(), find = (f.find ?? "").toLowerCase(), body = $("replicas").tBodies[0];
  const found = rows.filter(r => !find || [r.addr, r.zone, r.state].some(s => s.toLowerCase().includes(find)));
  const list = rows.length > few ? found.sort(orders[f.order ?? ""] ?? orders[""]) : found;
  if (body.asked === f.order + find + all && (body.matches(":hover") || body.contains(document.activeElement))) {
    const place = new Map(body.shown.map((addr, i) => [addr, i]));
    list.sort((a, b) => (place.get(a.addr) ?? Infinity) - (place.get(b.addr) ?? Infinity) || 0);
  }
  const shown = all ? list : list.slice(0, most);
  body.shown = shown.map(r => r.addr);
  body.asked = f.order + find + all;
  return [shown, list.length];
}

export function showReplicas(s) {
  const rows = s.now.replicas;
  let top = 1;
  for (const c of s.replicas.values()) for (const v of (c.p99_ms ?? []).slice(-sparkSeconds)) if (v > top) top = v;
  const hands = store.actions.some(a => !a.service || a.service === s.now.name) || store.write && (s.now.can_eject || s.now.can_override);
  $("replicas").classList.toggle("no-acts", !hands);
  $("replicas").classList.toggle("no-zone", !rows.some(r => r.zone));
  $("rows").hidden = rows.length <= few && !where().find;
  for (const name of ["find", "order"]) {
    const e = $("rows").elements[name];
    if (document.activeElement !== e) e.value = where()[name] ?? "";
  }
  const [shown, found] = arranged([...rows]);
  const keys = new Map(shown.map(r => [s.now.name + "\n" + r.addr, r])); // two services may have replicas of one name
  keyed($("replicas").tBodies[0], [...keys.keys()], row, (tr, key) => update(tr, s, keys.get(key), top));
  const unknown = s.now.set + s.now.drained - rows.length;
  const text = [found > shown.length ? `${found - shown.length} more.` : found < rows.length ? `${found} of ${rows.length} match.` : "",
    unknown > 0 ? `${unknown} replicas that are well are not followed.` : ""].filter(Boolean).join(" ");
  $("more-replicas").hidden = !text && !all;
  put($("more-replicas").firstElementChild, text);
  $("all-replicas").hidden = found <= most;
  put($("all-replicas"), all ? "Show fewer" : `Show all ${found}`);
}

export function startReplicas(draw) {
  $("rows").addEventListener("submit", e => e.preventDefault());
  $("rows").addEventListener("input", () => go(Object.fromEntries(["find", "order"].map(n => [n, $("rows").elements[n].value]))));
  $("all-replicas").addEventListener("click", () => {
    all = !all;
    attribute($("all-replicas"), "aria-pressed", all);
    draw();
  });
}
