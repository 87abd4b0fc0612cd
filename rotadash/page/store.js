// What the page knows: columns of numbers, all as long as times; null = there was none.

export const keep = 600;

export const store = {
  boot: "", tick: 0, title: "rota", version: "", write: false, notice: "", actions: [],
  of: "", // the service whose replicas are known
  times: [], services: new Map(), events: [], decisions: new Map(),
};

const nulls = n => Array(Math.max(n, 0)).fill(null);

// take takes a state: all of it, or what came after the last tick known here.
export function take(s) {
  const same = s.boot === store.boot;
  const more = same && s.from === store.tick + 1 && s.of === store.of;
  if (!same) store.decisions.clear();
  Object.assign(store, { boot: s.boot, tick: s.tick, title: s.title, version: s.version, write: s.write, notice: s.notice, of: s.of, actions: s.actions });
  const had = more ? store.times.length : 0;
  store.times = more ? store.times.concat(s.times) : s.times;
  const before = store.services;
  store.services = new Map();
  for (const service of s.services) {
    const old = more ? before.get(service.name) : null;
    const lead = nulls(service.first - s.from);
    const { history, replica_history, ...now } = service;
    now.replicas ??= [];
    const of = { now, columns: joined(old?.columns, history, had, lead), replicas: new Map() };
    for (const [addr, columns] of Object.entries(replica_history ?? {})) {
      of.replicas.set(addr, joined(old?.replicas.get(addr), columns, had, lead));
    }
    store.services.set(service.name, of);
  }
  trim();
  store.events = s.events;
  s.decisions.forEach(d => store.decisions.set(d.id, d));
}

function joined(old, columns, had, lead) {
  const all = {};
  for (const [name, values] of Object.entries(columns)) all[name] = [...(old?.[name] ?? nulls(had)), ...lead, ...values];
  return all;
}

// add takes a tick; it reports false if it knows it already.
export function add(t) {
  if (t.tick <= store.tick) return false;
  store.tick = t.tick;
  store.notice = t.notice;
  const had = store.times.length;
  store.times.push(t.time);
  const before = store.services;
  store.services = new Map();
  for (const now of t.services) {
    const of = before.get(now.name) ?? { columns: {}, replicas: new Map() };
    of.now = now;
    if (!now.replicas || now.name !== store.of) now.replicas = []; // somebody else looks at that one
    push(of.columns, now.values, had);
    const replicas = new Map();
    for (const r of now.replicas) {
      const columns = of.replicas.get(r.addr) ?? {};
      push(columns, r.values, had);
      replicas.set(r.addr, columns);
    }
    of.replicas = replicas;
    store.services.set(now.name, of);
  }
  trim();
  return true;
}

function push(columns, values, had) {
  for (const [name, v] of Object.entries(values)) (columns[name] ??= nulls(had)).push(v);
}

function trim() {
  const over = store.times.length - keep;
  if (over <= 0) return;
  store.times.splice(0, over);
  for (const s of store.services.values()) {
    for (const columns of [s.columns, ...s.replicas.values()]) {
      for (const c of Object.values(columns)) c.splice(0, over);
    }
  }
}

export function addEvent(e) {
  if (store.events.some(o => o.id === e.id)) return false;
  store.events.push(e);
  if (store.events.length > 500) store.events.shift();
  return true;
}

// addDecisions keeps the last 2,000.
export function addDecisions(list) {
  for (const d of list) store.decisions.set(d.id, d);
  if (store.decisions.size > 2000) {
    [...store.decisions.keys()].sort((a, b) => a - b).slice(0, store.decisions.size - 2000).forEach(id => store.decisions.delete(id));
  }
}

// recent adds up the last n values of a column; null if there is none.
export function recent(column, n) {
  let sum = null;
  for (const v of (column ?? []).slice(-n)) if (v != null) sum = (sum ?? 0) + v;
  return sum;
}

export const last = column => column?.length ? column[column.length - 1] : null;
