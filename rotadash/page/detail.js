// One decision: each try with its candidates, what was passed over and why, and when.

import { $, make, put, millis, precise, number, host } from "./dom.js";
import { store } from "./store.js";
import { where, go } from "./link.js";

let open = ""; // the id that is shown
let back = null; // what had the focus

// routed shows the decision that the fragment names, or none.
export async function routed() {
  const id = where().d ?? "", dialog = $("detail");
  if (id === open) return;
  open = id;
  if (!id) {
    if (dialog.open) dialog.close();
    return;
  }
  if (!dialog.open) {
    back = document.activeElement;
    dialog.showModal();
    $("detail-title").focus();
  }
  put($("detail-title"), "Decision");
  $("detail-body").replaceChildren(make("p", { class: "quiet", text: "…" }));
  const said = await ask(id);
  if (open !== id) return;
  put($("detail-title"), said.decision ? `${said.service} at ${precise(said.time)}` : "Decision");
  $("detail-body").replaceChildren(...(said.decision ? body(said, said.decision) : [make("p", { text: said.error })]));
}

async function ask(id) {
  try {
    const reply = await fetch("/api/decisions/" + encodeURIComponent(id));
    return await reply.json();
  } catch {
    return { error: "No answer from the program." };
  }
}

const fact = (name, value) => value == null || value === "" ? null : make("div", {}, make("dt", { text: name }), make("dd", { text: value }));

function body(said, d) {
  const total = Math.max(d.ms, ...d.tries.map(t => t.after_ms + t.ms), 0.001);
  return [
    make("p", {}, ...said.outcomes.map(o => make("span", { class: "badge " + ({ ok: "good", failed: "bad", retried: "warn", panic: "bad" }[o] ?? "note"), text: o }))),
    d.error ? make("p", { class: "error", text: d.error }) : null,
    make("dl", { class: "facts" },
      fact("Took", millis(d.ms)), fact("Had", d.deadline_ms ? millis(d.deadline_ms) : null), fact("Route", d.route), fact("Budget left", number(d.budget)),
      fact("Replicas in the set", String(d.nodes)), fact("All were used", d.panic ? "yes: too few were fit" : null)),
    d.tries.length ? bars(d, total) : make("p", { text: "No attempt was sent." }),
    ...d.tries.map((t, i) => attempt(t, i, d)),
    make("p", { class: "quiet link" }, "The address of this page leads here, while the program keeps the call. ",
      make("a", { href: "/api/decisions/" + encodeURIComponent(open), text: "As JSON" })),
  ].filter(Boolean);
}

const kind = t => t.result === "won" ? "good" : t.result === "failure" || t.result === "timed out" ? "bad" : t.result === "overload" ? "warn" : "note";

// bars shows when each try was under way.
function bars(d, total) {
  return make("ol", { class: "bars", role: "list" }, ...d.tries.map((t, i) => {
    const bar = make("span", { class: "time-bar " + kind(t) });
    bar.style.marginLeft = (100 * t.after_ms / total).toFixed(2) + "%";
    bar.style.width = Math.max(100 * t.ms / total, 0.5).toFixed(2) + "%";
    return make("li", {}, make("span", { class: "bar-name", text: `${i + 1}. ${host(t.replica)}` }), make("span", { class: "track", "aria-hidden": "true" }, bar),
      make("span", { class: "bar-time", text: `${millis(t.after_ms)} + ${millis(t.ms)}` }));
  }));
}

function attempt(t, i, d) {
  const looked = [...(t.looked ?? [])].sort((a, b) => (a.passed ? 1 : 0) - (b.passed ? 1 : 0) || (a.score ?? Infinity) - (b.score ?? Infinity) || (b.chosen ? 1 : 0) - (a.chosen ? 1 : 0));
  return make("section", { class: "try" },
    make("h3", {}, `${i + 1}. ${t.cause}${t.trial ? ", a trial" : ""}: `, make("span", { class: "name", text: host(t.replica) }), " ", make("span", { class: "badge " + kind(t), text: t.result })),
    t.error ? make("p", { class: "error", text: t.error }) : null,
    looked.length === 0 ? make("p", { class: "quiet", text: d.traced ? "No candidates were noted." : "The call was not traced: it was kept because it failed or was repeated, and its candidates are not known." }) :
      make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Candidates of attempt ${i + 1}` }, make("table", {},
        make("thead", {}, make("tr", {}, ...["Candidate", "What became of it", "Score", "In flight", "Latency"].map((text, c) => make("th", { scope: "col", text, class: c > 1 ? "n" : null })))),
        make("tbody", {}, ...looked.map(c => make("tr", { class: c.chosen ? "chosen" : null },
          make("th", { scope: "row", class: "name", text: host(c.replica), title: c.replica }),
          make("td", {}, c.chosen ? make("span", { class: "badge good", text: "chosen" }) : c.passed ? make("span", { text: "passed over: " + c.passed }) : make("span", { class: "quiet", text: "not the best" })),
          make("td", { class: "n", text: c.score == null ? "–" : c.score.toLocaleString("en", { maximumSignificantDigits: 4 }) }),
          make("td", { class: "n", text: c.in_flight }), make("td", { class: "n", text: c.latency_ms ? millis(c.latency_ms) : "–" })))))));
}

export function startDetail() {
  $("detail-close").addEventListener("click", () => $("detail").close());
  $("detail").addEventListener("click", e => { if (e.target === $("detail")) $("detail").close(); });
  $("detail").addEventListener("close", () => {
    open = "";
    if (where().d) go({ d: "" });
    if (back?.isConnected) back.focus();
    back = null;
  });
}
