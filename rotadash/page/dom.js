// What makes and changes elements. Text from outside gets into the page by textContent alone.

export const $ = id => document.getElementById(id);

// make returns an element: o may have text, class, and attributes by their names.
export function make(name, o = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(o)) {
    if (value == null || value === false) continue;
    if (key === "text") e.textContent = value;
    else if (key === "class") e.className = value;
    else e.setAttribute(key, value === true ? "" : value);
  }
  e.append(...children.filter(c => c != null));
  return e;
}

// put changes a text only if it is another: else selections and screen readers are disturbed for nothing.
export function put(e, text) {
  text = String(text);
  if (e.textContent !== text) e.textContent = text;
}

export function attribute(e, name, value) {
  if (value == null) e.removeAttribute(name);
  else if (e.getAttribute(name) !== String(value)) e.setAttribute(name, value);
}

// keyed makes the children of parent those of the keys, in their order, and moves none that is in its place.
export function keyed(parent, keys, create, update) {
  const have = parent.byKey ??= new Map();
  const wanted = new Set(keys);
  for (const [key, e] of have) {
    if (!wanted.has(key)) {
      e.remove();
      have.delete(key);
    }
  }
  let place = parent.firstElementChild;
  for (const key of keys) {
    let e = have.get(key);
    if (!e) {
      e = create(key);
      have.set(key, e);
    }
    if (e === place) place = place.nextElementSibling;
    else parent.insertBefore(e, place);
    update?.(e, key);
  }
}

const none = "–";

export const number = v => v == null ? none : v === 0 ? "0" : Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(2 + (Math.abs(v) >= 10)));
export const rate = v => v == null ? none : v >= 10 ? Math.round(v).toLocaleString("en") : String(+v.toFixed(1));
export const percent = v => v == null ? none : v === 1 ? "100 %" : v > 0.99 ? (Math.floor(v * 1e4) / 100).toFixed(2) + " %" : (100 * v).toFixed(v >= 0.1 ? 0 : 1) + " %";
export const millis = v => v == null ? none : v >= 9950 ? (v / 1000).toFixed(0) + " s" : v >= 995 ? (v / 1000).toFixed(1) + " s" : v >= 99.5 ? v.toFixed(0) + " ms" : v >= 9.95 ? v.toFixed(0) + " ms" : v >= 0.995 ? v.toFixed(1) + " ms" : v === 0 ? "0 ms" : v.toFixed(2) + " ms";

const two = n => String(n).padStart(2, "0");
export const clock = t => { const d = new Date(t); return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`; };
export const precise = t => clock(t) + "." + String(new Date(t).getMilliseconds()).padStart(3, "0");

// host leaves out of an address what all have: http://127.0.0.1:8080/uppercase is 127.0.0.1:8080.
export const host = addr => { const m = /^https?:\/\/([^/]+)/.exec(addr); return m ? m[1] : addr; };
