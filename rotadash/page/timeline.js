// The timeline of events, and what is said aloud of them.

import { $, make, put, keyed, clock, host } from "./dom.js";
import { store } from "./store.js";

const shown = 150;

function item(id) {
  const e = store.events.find(e => e.id === id);
  return make("li", { class: "event " + (e.level || "plain") },
    make("time", { datetime: e.time, text: clock(e.time) }),
    make("div", {},
      make("span", { class: "badge " + ({ good: "good", bad: "bad" }[e.level] ?? "note"), text: e.kind }), " ",
      e.replica ? make("span", { class: "name", text: host(e.replica), title: e.replica }) : null, e.replica ? " " : null,
      make("span", { class: "event-text", text: e.text }),
      store.services.size > 1 && e.service ? make("span", { class: "quiet", text: " · " + e.service }) : null));
}

export function showEvents() {
  const list = store.events.slice(-shown).reverse();
  if ($("events").boot !== store.boot) {
    $("events").boot = store.boot; // another run counts its events anew
    $("events").replaceChildren();
    $("events").byKey = new Map();
  }
  keyed($("events"), list.map(e => e.id), item);
  $("no-events").hidden = list.length > 0;
}

const aloud = new Set(["ejected", "returned", "panic", "calm"]);
let waiting = [], timer = 0;

// say tells a screen reader, in one sentence for all that happens within some seconds.
export function say(e) {
  if (!aloud.has(e.kind)) return;
  waiting.push(`${e.kind} ${host(e.replica || e.service)}`);
  timer ||= setTimeout(() => {
    const more = waiting.length - 3;
    put($("say"), waiting.slice(0, 3).join(", ") + (more > 0 ? `, and ${more} more` : ""));
    waiting = [];
    timer = 0;
  }, 2000);
}
