// The charts of a service, each with its numbers as a table.

import { $, make, put, attribute, number, rate, millis, clock, host } from "./dom.js";
import { store } from "./store.js";
import { where } from "./link.js";

const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const mostReplicas = 8;

// color reads one of style.css, so that themes are in one place.
const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

const ofService = (...lines) => () => lines.map(([key, name, paint, dash]) => ({ key, name, paint, dash, values: s => s.columns[key] ?? [] }));
const ofReplicas = key => (s, busy) => drawn8(s, busy).map((addr, i) => ({
  key: addr, name: host(addr), paint: "line" + (i + 1), dash: Math.floor(i / 4), values: s => s.replicas.get(addr)?.[key] ?? [],
}));

// drawn8 returns the replicas that have a line, by name: of many those that are asked for, then those to which something happened
// in the time that is shown, or is the matter now.
function drawn8(s, busy) {
  const asked = where().replica, names = s.now.replicas.map(r => r.addr);
  if (names.length <= mostReplicas) return names;
  const first = new Set(s.now.replicas.filter(r => r.addr === asked || r.breaker !== "closed" || busy.has(r.addr)).map(r => r.addr));
  const list = [...names.filter(n => n === asked), ...names.filter(n => n !== asked && first.has(n)), ...names.filter(n => !first.has(n))].slice(0, mostReplicas);
  return names.filter(n => list.includes(n));
}

const charts = [
  { id: "calls", title: "Calls a second", show: rate, lines: ofService(["ok", "ok", "line1", 0], ["failed", "failed", "bad", 1], ["refused", "refused", "warn", 2]) },
  { id: "latency", title: "Latency of answers", show: millis, axis: v => millis(v), lines: ofService(["p50_ms", "p50", "line1", 0], ["p99_ms", "p99", "line2", 1]) },
  { id: "attempts", title: "Attempts a second, by replica", show: rate, lines: ofReplicas("picks") },
  { id: "again", title: "Retries and hedges a second", show: rate, lines: ofService(["retries", "retries", "line2", 0], ["hedges", "hedges", "line4", 1]) },
  { id: "budget", title: "Budget: retries and hedges left", show: number, lines: ofService(["budget", "left", "line3", 0]) },
  { id: "slowest", title: "p99, by replica", show: millis, axis: v => millis(v), lines: ofReplicas("p99_ms") },
];

const marked = new Set(["ejected", "returned", "panic", "config"]);

class Chart {
  constructor(of, parent) {
    this.of = of;
    this.title = make("h3", { text: of.title, id: "chart-" + of.id });
    this.toggle = make("button", { type: "button", class: "small", "aria-pressed": "false", text: "Table", "aria-label": "Table of " + of.title.toLowerCase() });
    this.keys = make("p", { class: "keys" });
    this.plot = make("div", { class: "plot", role: "img", "aria-label": of.title });
    this.table = make("div", { class: "scroll numbers", role: "region", tabindex: "0", "aria-label": "Numbers of " + of.title.toLowerCase(), hidden: true });
    parent.append(make("figure", { class: "chart" }, make("div", { class: "chart-top" }, this.title, this.toggle), this.keys, this.plot, this.table));
    this.toggle.addEventListener("click", () => {
      const on = this.table.hidden;
      attribute(this.toggle, "aria-pressed", on);
      this.table.hidden = !on;
      this.plot.hidden = on;
      this.draw();
    });
    new ResizeObserver(() => this.u && this.plot.clientWidth && this.u.setSize(this.size())).observe(this.plot);
  }

  size() { return { width: Math.max(this.plot.clientWidth, 160), height: Math.max(this.plot.clientHeight, 120) }; }

  // show draws the last seconds of a service.
  show(s, seconds, events) {
    Object.assign(this, { s, seconds, events });
    this.draw();
  }

  draw() {
    if (!this.s) return;
    const from = Math.max(store.times.length - this.seconds, 0), since = (store.times[from] ?? 0) * 1000;
    const lines = this.of.lines(this.s, new Set(this.events.filter(e => e.replica && Date.parse(e.time) >= since).map(e => e.replica)));
    const times = store.times.slice(from);
    const columns = lines.map(l => {
      const v = l.values(this.s).slice(from);
      return v.length < times.length ? [...Array(times.length - v.length).fill(null), ...v] : v;
    });
    this.lines = lines;
    if (!this.table.hidden) this.fill(times, columns);
    else this.paint([times, ...columns]);
    this.legend(times.length - 1, [times, ...columns]);
    attribute(this.plot, "aria-label", `${this.of.title}; now: ` + lines.map((l, i) => `${l.name} ${this.of.show(columns[i].at(-1))}`).join(", "));
  }

  paint(data) {
    const key = this.lines.map(l => l.key).join("\n") + color("back");
    if (this.u && key !== this.key) {
      this.u.destroy();
      this.u = null;
    }
    const end = data[0].at(-1) ?? Date.now() / 1000;
    this.span = Math.min(this.seconds, Math.max(60, data[0].length)); // what there is, before there is more
    this.x = { min: end - this.span, max: end };
    if (!this.u) {
      this.key = key;
      this.u = new uPlot(this.options(), data, this.plot);
      return;
    }
    this.u.setData(data);
  }

  options() {
    const quiet = color("quiet"), grid = color("grid");
    const axis = { stroke: quiet, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px " + color("font"), gap: 4 };
    return {
      ...this.size(), padding: [10, 22, 0, 0], legend: { show: false }, cursor: { y: false, drag: { x: false, y: false }, sync: { key: "time" }, points: { size: 6 } },
      scales: { x: { range: () => [this.x.min, this.x.max] }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.1 : 1] } },
      axes: [
        { ...axis, size: 22, space: 64, values: (u, at) => at.map(t => this.span <= 60 || t % 60 ? clock(t * 1000) : clock(t * 1000).slice(0, 5)) },
        { ...axis, size: 52, space: 28, values: (u, at) => at.map(v => (this.of.axis ?? number)(v)) },
      ],
      series: [{}, ...this.lines.map(l => ({
        label: l.name, stroke: color(l.paint), width: 1.6, dash: dashes[l.dash ?? 0], points: { show: false }, spanGaps: false,
        ...(this.lines.length === 1 || l.key === "ok" ? { fill: color(l.paint) + "1f" } : {}),
      }))],
      hooks: {
        setCursor: [u => this.legend(u.cursor.idx, u.data)],
        draw: [u => this.mark(u)],
      },
    };
  }

  // mark draws a line where something happened to a replica.
  mark(u) {
    const { left, top, height, width } = u.bbox, c = u.ctx;
    c.save();
    c.setLineDash([3, 3]);
    c.lineWidth = devicePixelRatio;
    for (const e of this.events) {
      if (!marked.has(e.kind)) continue;
      const x = u.valToPos(Date.parse(e.time) / 1000, "x", true);
      if (x < left || x > left + width) continue;
      c.strokeStyle = color(e.level === "bad" ? "bad" : e.level === "good" && e.kind !== "config" ? "good" : "note");
      c.beginPath();
      c.moveTo(x, top);
      c.lineTo(x, top + height);
      c.stroke();
    }
    c.restore();
  }

  // legend names the lines, with their values under the pointer, or the last.
  legend(at, data) {
    const all = this.lines.map(l => l.key + l.name).join("\n");
    if (all !== this.named) {
      this.named = all;
      this.keys.replaceChildren(...this.lines.map(l => make("span", { class: "key" },
        make("span", { class: `swatch dash${l.dash ?? 0} c-${l.paint}`, "aria-hidden": "true" }), make("span", { text: l.name }), make("b"))));
      const more = this.s.replicas.size - mostReplicas;
      if (more > 0 && this.lines.length === mostReplicas) this.keys.append(make("span", { class: "quiet", text: `and ${more} more` }));
    }
    at ??= data[0].length - 1;
    this.lines.forEach((l, i) => put(this.keys.children[i].lastChild, this.of.show(data[i + 1][at])));
  }

  // fill writes the table: single seconds for a minute, means over some for more; the last first.
  fill(times, columns) {
    const step = Math.ceil(times.length / 60), rows = [];
    for (let end = times.length; end > 0; end -= step) {
      const from = Math.max(end - step, 0);
      rows.push([clock(times[from] * 1000), ...columns.map(c => {
        const known = c.slice(from, end).filter(v => v != null);
        return known.length ? this.of.show(known.reduce((a, b) => a + b) / known.length) : "–";
      })]);
    }
    this.table.replaceChildren(make("table", {},
      make("caption", { class: "quiet", text: step > 1 ? `Means of ${step} seconds` : "Every second" }),
      make("thead", {}, make("tr", {}, make("th", { scope: "col", text: "Time" }), ...this.lines.map(l => make("th", { scope: "col", class: "n", text: l.name })))),
      make("tbody", {}, ...rows.map(([time, ...values]) => make("tr", {}, make("th", { scope: "row", text: time }), ...values.map(v => make("td", { class: "n", text: v })))))));
  }
}

let drawn = null;

// showCharts draws all of them.
export function showCharts(s, seconds, events) {
  drawn ??= charts.map(of => new Chart(of, $("charts")));
  drawn.forEach(c => c.show(s, seconds, events));
}
