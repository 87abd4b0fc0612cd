// Where the page is: in the fragment, so that it can be linked. s: service; d: decision; outcome, service, replica, text: filter.

export const where = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

// hash returns the fragment of here with some parts changed; "" removes one.
export function hash(changes) {
  const p = new URLSearchParams(location.hash.slice(1));
  for (const [key, value] of Object.entries(changes)) {
    if (value) p.set(key, value);
    else p.delete(key);
  }
  return "#" + p;
}

// go changes the fragment without another entry in the history, and tells those who listen.
export function go(changes) {
  history.replaceState(null, "", hash(changes) === "#" ? location.pathname : hash(changes));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
