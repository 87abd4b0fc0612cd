// What is done by hand: asked for, sent, and what came of it.

import { $, put } from "./dom.js";

// ask shows a question; it returns null for no, and { weight } for yes.
export function ask({ title, text, weight = null }) {
  const dialog = $("confirm"), back = document.activeElement;
  put($("confirm-title"), title);
  put($("confirm-text"), text);
  $("confirm-weight").hidden = weight == null;
  $("weight").disabled = weight == null;
  $("weight").value = weight ?? "";
  dialog.returnValue = "no";
  $("confirm-no").onclick = () => dialog.close("no");
  dialog.showModal();
  (weight == null ? $("confirm-no") : $("weight")).focus();
  return new Promise(done => dialog.addEventListener("close", () => {
    back?.focus();
    done(dialog.returnValue === "yes" ? { weight: Number($("weight").value) } : null);
  }, { once: true }));
}

export async function act(order, what) {
  toast(what + " …");
  try {
    const reply = await fetch("/api/act", {
      method: "POST", headers: { "Content-Type": "application/json", "Rota-Dash": "1" }, body: JSON.stringify(order),
    });
    const said = await reply.json();
    toast(reply.ok ? what + ": done" : what + ": " + said.error, !reply.ok);
  } catch {
    toast(what + ": no answer", true);
  }
}

let timer = 0;

export function toast(text, bad) {
  const t = $("toast");
  t.hidden = false;
  put(t, text);
  t.classList.toggle("is-bad", Boolean(bad));
  clearTimeout(timer);
  timer = setTimeout(() => { t.hidden = true; }, bad ? 10000 : 4000);
}
