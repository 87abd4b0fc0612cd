"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const rows = report.runs || [];
  const plots = document.getElementById("plots");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colors = () => dark.matches
    ? ["#6ea8fe", "#ff8f6b", "#63d29b", "#d7a8ff", "#f5d061", "#5fd4e0", "#ff9ecb", "#b9c56a", "#c7a17a", "#9aa5b1", "#8f9bff", "#e07a7a"]
    : ["#1864ab", "#d9480f", "#2b8a3e", "#862e9c", "#b08900", "#0b7285", "#c2255c", "#5c7014", "#7b4f24", "#495057", "#4238ca", "#a51111"];
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--quiet").trim();
  const rule = () => getComputedStyle(document.documentElement).getPropertyValue("--line").trim();

  const unique = list => [...new Set(list)];
  const stepOf = row => row.step || String(+row.load.toPrecision(4));
  const policies = unique(rows.map(r => r.policy));
  const steps = unique(rows.map(stepOf));
  const rowOf = (policy, step) => rows.find(r => r.policy === policy && stepOf(r) === step);
  const short = v => v == null ? "–" : v !== 0 && Math.abs(v) < 0.001 ? v.toExponential(1) : String(+v.toPrecision(4));
  const positive = v => v > 0 ? v : null;

  const element = (name, parent, text, className) => {
    const e = document.createElement(name);
    if (text) e.textContent = text;
    if (className) e.className = className;
    parent.append(e);
    return e;
  };
  const section = title => {
    element("h2", plots, title);
    return element("div", plots, "", "plots");
  };

  // What draws again when the colours change.
  const drawn = new Map();
  const draw = (place, o) => {
    drawn.get(place)?.();
    place.replaceChildren();
    if (!o.data[0].length) {
      element("p", place, "nothing to show", "quiet");
      return;
    }
    const palette = colors(), log = [{ distr: 3, log: 10 }, {}];
    const axis = { stroke: ink(), grid: { stroke: rule(), width: 1 }, ticks: { stroke: rule(), width: 1 }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
    const digit = v => Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9));
    const onLog = (u, splits) => {
      const all = splits.filter(v => v > 0), marked = all[all.length - 1] / all[0] > 50 ? [1] : [1, 2, 5];
      return splits.map(v => v > 0 && marked.includes(digit(v)) ? short(v) : "");
    };
    const logAxis = { values: onLog, filter: (u, splits) => splits };
    const single = o.data[0].length === 1;
    const u = new uPlot({
      width: Math.max(place.clientWidth, 240), height: 280,
      scales: {
        x: { time: false, ...(o.logX ? log[0] : {}), ...(o.range ? { range: o.range } : {}) },
        y: { ...(o.logY ? log[0] : { range: (u, min, max) => [Math.min(0, min ?? 0), (max || 1) * 1.05] }) },
      },
      axes: [
        { ...axis, label: o.x, labelSize: 18, size: 34, ...(o.ticks ? { splits: () => o.ticks.map((_, i) => i), values: () => o.ticks } : o.logX ? logAxis : {}) },
        { ...axis, label: o.y, labelSize: 18, size: 52, ...(o.logY ? logAxis : { values: (u, s) => s.map(short) }) },
      ],
      series: [
        { label: o.x, value: (u, v) => v == null ? "–" : o.ticks ? o.ticks[v] : short(v) },
        ...o.names.map((name, i) => ({
          label: name, stroke: palette[i % palette.length], width: 1.75, spanGaps: true, value: (u, v) => short(v),
          points: { show: o.dots || single, size: 6 }, ...(o.stairs ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
        })),
      ],
      cursor: { drag: { x: true, y: false } },
    }, o.data, place);
    const watch = new ResizeObserver(() => u.setSize({ width: Math.max(place.clientWidth, 240), height: 280 }));
    watch.observe(place);
    drawn.set(place, () => { watch.disconnect(); u.destroy(); });
    place.again = () => draw(place, o);
  };
  dark.addEventListener("change", () => drawn.forEach((_, place) => place.again()));
  const plot = (parent, title) => {
    const box = element("div", parent, "", "plot");
    element("h3", box, title);
    return element("div", box);
  };

  // By step: loads are numbers to scale, steps are names in order.
  const named = rows.some(r => r.step) || steps.length === 1;
  const at = named ? steps.map((_, i) => i) : unique(rows.map(r => r.load)).sort((a, b) => a - b);
  const byStep = (parent, title, label, value, logY) => draw(plot(parent, title), {
    x: named && rows.some(r => r.step) ? "step" : "load", y: label, logY, dots: true, names: policies, ticks: named ? steps : null,
    range: named ? () => [-0.25, steps.length - 0.75] : null,
    data: [at, ...policies.map(p => at.map((x, i) => {
      const row = named ? rowOf(p, steps[i]) : rows.find(r => r.policy === p && r.load === x);
      return row ? value(row) : null;
    }))],
  });
  const quantiles = section("Latency by load");
  for (const [key, title] of [["p50", "p50"], ["p90", "p90"], ["p99", "p99"], ["p999", "p99.9"]]) {
    byStep(quantiles, title, "ms", r => positive(r.latency_ms[key]), true);
  }
  const costs = section("What it costs");
  byStep(costs, "Attempts per call", "attempts", r => r.attempts_per_call);
  byStep(costs, "Errors", "% of calls", r => 100 * r.errors / Math.max(r.calls, 1));

  // One select, and what is drawn anew for its choice.
  const chooser = (title, label, options, show) => {
    element("h2", plots, title);
    const bar = element("label", element("div", plots, "", "choose"), label + " ");
    const select = element("select", bar);
    options.forEach(o => { element("option", select, o).value = o; });
    const show1 = show(element("div", plots, "", "plots"));
    select.value = options[options.length - 1];
    select.addEventListener("change", () => show1(select.value));
    show1(select.value);
  };

  const beyond = row => { // the share of calls that take longer than each bar of the histogram
    const bins = row.latency_histogram, all = bins.reduce((n, b) => n + b.count, 0);
    let left = all;
    const shares = bins.map(b => { left -= b.count; return positive(left / all); });
    return [bins.map(b => b.upto), shares];
  };
  const join = tables => tables.length ? uPlot.join(tables) : [[]];
  if (rows.some(r => r.latency_histogram?.length)) {
    chooser("Distributions", "at", steps, parent => {
      const latency = plot(parent, "Latency: the share of calls that take longer"), flight = plot(parent, "Requests in flight on a replica: the share of time");
      return step => {
        const here = policies.map(p => rowOf(p, step)).filter(r => r?.latency_histogram?.length);
        draw(latency, { x: "ms", y: "share", logX: true, logY: true, names: here.map(r => r.policy), data: join(here.map(beyond)) });
        const known = here.filter(r => r.rif_shares?.length), most = Math.max(0, ...known.map(r => r.rif_shares.length));
        draw(flight, {
          x: "in flight", y: "share", stairs: true, names: known.map(r => r.policy),
          data: known.length ? [[...Array(most).keys()], ...known.map(r => [...Array(most).keys()].map(i => r.rif_shares[i] ?? 0))] : [[]],
        });
      };
    });
  }

  const timed = rows.filter(r => r.series?.offered?.length);
  if (timed.length) {
    const label = r => r.policy + (steps.length > 1 && !r.step ? " at " + stepOf(r) : "");
    const sameStep = timed.filter(r => stepOf(r) === stepOf(timed[timed.length - 1]));
    const along = s => s.offered.map((_, i) => +(i * s.every_s).toFixed(6));
    const compare = section("Over time, all policies" + (steps.length > 1 && !timed[0].step ? ", at " + stepOf(sameStep[0]) : ""));
    for (const [key, title, unit, logY] of [["goodput", "Goodput: calls answered in time", "calls/s"], ["p99_ms", "p99", "ms", true]]) {
      draw(plot(compare, title), {
        x: "s", y: unit, logY, names: sameStep.map(r => r.policy),
        data: join(sameStep.map(r => [along(r.series), r.series[key].map(v => logY ? positive(v) : v)])),
      });
    }
    chooser("Over time, one policy", "policy", timed.map(label), parent => {
      const calls = plot(parent, "Calls and attempts"), victims = timed.some(r => r.series.victims) && plot(parent, "Share of attempts at faulty replicas");
      const load = plot(parent, "Requests in flight on single replicas");
      return name => {
        const s = timed.find(r => label(r) === name).series, x = along(s);
        draw(calls, { x: "s", y: "a second", names: ["offered", "goodput", "errors", "attempts"], data: [x, s.offered, s.goodput, s.errors, s.attempts] });
        if (victims) draw(victims, { x: "s", y: "share", names: ["faulty"], data: s.victims ? [x, s.victims] : [[]] });
        draw(load, { x: "s", y: "in flight", names: (s.replicas || []).map(r => r.name), data: s.replicas?.length ? [x, ...s.replicas.map(r => r.rif)] : [[]] });
      };
    });
  }
})();
