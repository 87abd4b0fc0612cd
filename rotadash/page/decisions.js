// The list of decisions: why did it go there.

import { $, make, put, attribute, keyed, millis, precise, host } from "./dom.js";
import { store, addDecisions } from "./store.js";
import { where, hash, go } from "./link.js";

const shown = 60;
const badges = { ok: "good", failed: "bad", retried: "warn", hedged: "note", panic: "bad" };
let held = false;

function row(id) {
  const d = store.decisions.get(id);
  const path = make("span", { class: "path" });
  d.replicas.forEach((addr, i) => {
    if (i) path.append(make("span", { class: "quiet", text: " → " }));
    path.append(make("span", { class: i + 1 === d.won ? "won" : d.won ? "lost" : "", text: host(addr), title: addr }));
  });
  if (!d.replicas.length) path.append(make("span", { class: "quiet", text: "nowhere" }));
  if (d.error) path.append(make("span", { class: "error-line", text: d.error }));
  const link = make("a", { text: precise(d.time), "aria-label": `Call at ${precise(d.time)}, ${d.outcomes.join(", ")}` });
  const tr = make("tr", { role: "row" },
    make("th", { role: "rowheader", scope: "row" }, link, " ", make("span", { class: "quiet of", text: [store.services.size > 1 ? d.service : "", d.route].filter(Boolean).join(" ") })),
    make("td", { role: "cell" }, path), make("td", { role: "cell", class: "n", text: millis(d.ms) }),
    make("td", { role: "cell", class: "outcomes" }, ...d.outcomes.map(o => make("span", { class: "badge " + (badges[o] ?? "note"), text: o }))));
  tr.link = link;
  return tr;
}

function matches(d, f) {
  const text = (f.text ?? "").toLowerCase();
  return (!f.service || d.service === f.service) && (!f.replica || d.replicas.includes(f.replica)) && (!f.outcome || d.outcomes.includes(f.outcome)) &&
    (!text || [d.service, d.route ?? "", d.error ?? "", ...d.replicas].some(s => s.toLowerCase().includes(text)));
}

const form = () => $("filter").elements;
const names = ["outcome", "service", "replica", "text"];

// showDecisions draws the list, unless somebody is reading it.
export function showDecisions(force) {
  choices();
  if (!force && reading()) return count($("decisions").tBodies[0].rows.length);
  const f = where(), found = [];
  const ids = [...store.decisions.keys()].sort((a, b) => b - a);
  for (const id of ids) {
    if (matches(store.decisions.get(id), f)) found.push(id);
    if (found.length === shown) break;
  }
  if ($("decisions").boot !== store.boot) {
    $("decisions").boot = store.boot; // another run counts anew
    $("decisions").tBodies[0].replaceChildren();
    $("decisions").tBodies[0].byKey = new Map();
  }
  keyed($("decisions").tBodies[0], found, row, (tr, id) => attribute(tr.link, "href", hash({ d: `${store.boot}-${id}` })));
  count(found.length);
}

// reading reports whether the list has the focus or the pointer, or is held: then nothing moves in it.
function reading() {
  const body = $("decisions").tBodies[0];
  return body.rows.length > 0 && (held || body.matches(":hover") || body.contains(document.activeElement) || $("detail").open);
}

function count(n) {
  const f = where(), some = names.some(name => f[name]);
  put($("count"), store.decisions.size === 0 ? "No call has been taken yet." : n === 0 ? "No call that is kept matches." :
    `The last ${n} calls that were sampled${some ? ", and match" : ""}.` + (held ? " Held." : n && reading() ? " Held while you read." : ""));
}

// choices brings what can be chosen up to date.
function choices() {
  const f = where(), { service, replica } = form();
  const services = [...store.services.keys()];
  options(service, services, f.service, s => s);
  service.closest("label").hidden = services.length < 2 && !f.service;
  const addrs = new Set();
  for (const [name, s] of store.services) if (!f.service || name === f.service) s.replicas.forEach((_, addr) => addrs.add(addr));
  options(replica, [...addrs], f.replica, host);
}

function options(select, values, chosen, name) {
  if (chosen && !values.includes(chosen)) values.push(chosen);
  if (document.activeElement !== select) {
    const all = values.join("\n");
    if (select.all !== all) {
      select.all = all;
      select.replaceChildren(make("option", { value: "", text: "all" }), ...values.map(v => make("option", { value: v, text: name(v) })));
    }
  }
  if (select.value !== (chosen ?? "") && document.activeElement !== select) select.value = chosen ?? "";
}

// refill asks for older ones that match, which may not have been sent here.
async function refill() {
  const f = where(), q = new URLSearchParams({ limit: "200" });
  for (const name of names) if (f[name]) q.set(name, f[name]);
  try {
    const reply = await fetch("/api/decisions?" + q);
    if (!reply.ok) return;
    const { boot, decisions } = await reply.json();
    if (boot !== store.boot) return;
    addDecisions(decisions.map(({ decision, ...summary }) => summary));
  } catch { /* the stream says that the connection is lost */ }
  showDecisions(true);
}

let last = "";

// filtered is called when the fragment changed.
export function filtered() {
  const f = where(), now = names.map(n => f[n] ?? "").join("\n");
  for (const name of names) if (document.activeElement !== form()[name] || name !== "text") form()[name].value = f[name] ?? "";
  if (now === last) return;
  last = now;
  choices();
  showDecisions(true);
  if (now.trim()) refill();
}

export function startDecisions() {
  $("filter").addEventListener("submit", e => e.preventDefault());
  $("filter").addEventListener("input", () => go(Object.fromEntries(names.map(n => [n, form()[n].value]))));
  $("hold").addEventListener("click", () => {
    held = !held;
    attribute($("hold"), "aria-pressed", held);
    showDecisions(true);
  });
}
