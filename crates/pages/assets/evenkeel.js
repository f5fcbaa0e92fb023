// Keeps a page up to date; without it the page says what was so when it was loaded.
// How things look only the server knows: when it tells of a change, the page is fetched anew and what differs is put in.
"use strict";
(() => {
  const PAUSE_MS = 1000, PATIENCE_MS = 10000, POLL_MS = 15000, CHARTS_MS = 60000;
  const html = document.documentElement;
  const ja = html.lang === "ja";
  const $ = (id) => document.getElementById(id);

  // Ages are counted on the agent's clock: the browser's may be wrong.
  let agentNow = 0, heardAt = 0;
  function heard(now) {
    agentNow = Date.parse(now) || Date.now();
    heardAt = performance.now();
  }
  function span(seconds) {
    const day = Math.floor(seconds / 86400), hour = Math.floor(seconds / 3600) % 24, minute = Math.floor(seconds / 60) % 60;
    const gap = ja ? "" : " ";
    const two = (large, one, small, other) => large + gap + one + (small ? gap + small + gap + other : "");
    const [d, h, m, s] = ja ? ["日", "時間", "分", "秒"] : ["d", "h", "min", "s"];
    if (seconds < 60) return two(seconds, s, 0, s);
    if (seconds < 3600) return two(minute, m, minute < 5 ? seconds % 60 : 0, s);
    return seconds < 86400 ? two(hour, h, minute, m) : two(day, d, hour, h);
  }
  function tick() {
    const now = agentNow + performance.now() - heardAt;
    for (const node of document.querySelectorAll("time[data-age]")) {
      const text = span(Math.max(0, Math.floor((now - Date.parse(node.dateTime)) / 1000)));
      if (node.textContent !== text) node.textContent = text;
    }
  }

  // Makes one tree like another; what is the same stays, and so do focus and selection.
  const keyOf = (node) => node.nodeType === 1 ? node.id || node.dataset.key || "" : "";
  function morph(was, is) {
    if (was.isEqualNode(is)) return was;
    if (was.nodeName !== is.nodeName || keyOf(was) !== keyOf(is)) {
      const fresh = document.importNode(is, true);
      was.replaceWith(fresh);
      return fresh;
    }
    if (was.nodeType !== 1) {
      was.data = is.data;
      return was;
    }
    if (was.classList.contains("drawn")) return was;
    const state = was.querySelector(":scope > .state"), next = is.querySelector(":scope > .state");
    const turned = state && next && state.textContent !== next.textContent;
    for (const { name } of [...was.attributes]) if (!is.hasAttribute(name)) was.removeAttribute(name);
    for (const { name, value } of is.attributes) if (was.getAttribute(name) !== value) was.setAttribute(name, value);
    let at = was.firstChild;
    for (const child of [...is.childNodes]) {
      const key = keyOf(child);
      let same = at;
      if (key) {
        while (same && keyOf(same) !== key) same = same.nextSibling;
        if (same && same !== at) was.insertBefore(same, at);
      } else if (same && keyOf(same)) same = null;
      if (same) at = morph(same, child).nextSibling;
      else was.insertBefore(document.importNode(child, true), at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    if (turned) was.classList.add("changed");
    return was;
  }

  const live = $("live");
  function connected(on) {
    live.hidden = false;
    live.className = "live " + (on ? "on" : "off");
    live.textContent = on ? live.dataset.on : live.dataset.off;
  }
  function stale(yes) {
    const banner = $("stale");
    if (banner.hidden === !yes) return;
    banner.textContent = yes ? banner.dataset.text : "";
    banner.hidden = !yes;
  }
  let fetching = false, wanted = false, last = performance.now();
  async function refresh() {
    if (fetching || document.hidden) {
      wanted = true;
      return;
    }
    fetching = true;
    wanted = false;
    await new Promise((done) => setTimeout(done, Math.max(0, last + PAUSE_MS - performance.now())));
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok || !fresh.getElementById("main")) throw new Error("no page");
      const banner = $("stale");
      banner.remove();
      fresh.getElementById("stale").remove();
      for (const part of ["title", ".bar .in", "#main", "footer"]) {
        const was = document.querySelector(part), is = fresh.querySelector(part);
        const light = is.querySelector("#live");
        if (light) light.replaceWith(live.cloneNode(true));
        morph(was, is);
      }
      $("main").prepend(banner);
      heard(fresh.documentElement.dataset.now);
      stale(false);
      tick();
    } catch {
      stale(true);
    }
    last = performance.now();
    fetching = false;
    if (wanted) refresh();
  }

  function listen() {
    const source = new EventSource("/api/stream");
    let lost = false;
    source.addEventListener("hello", () => {
      connected(true);
      if (lost) refresh();
      lost = false;
    });
    source.addEventListener("changed", refresh);
    source.addEventListener("reset", refresh);
    source.onerror = () => {
      lost = true;
      connected(false);
      refresh();
      // No browser retries a refusal.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, POLL_MS);
    };
  }

  function figure(unit, value) {
    if (value === null || value === undefined) return "–";
    const short = (number) => String(+number.toPrecision(3));
    if (unit === "bytes") {
      const [by, name] = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([by]) => Math.abs(value) >= by) || [1, "B"];
      return short(value / by) + " " + name;
    }
    if (unit === "ms") return Math.abs(value) >= 1e3 ? short(value / 1e3) + (ja ? " 秒" : " s") : short(value) + " ms";
    if (unit === "percent") return short(value) + " %";
    return unit === "days" ? short(value) + (ja ? " 日" : " d") : short(value);
  }

  // A chart to zoom (drag; twice to go back) takes the picture's place.
  async function zoomable(node) {
    const { subject, field, unit, limit, from, until } = node.dataset;
    // Only the server draws a trend.
    if (node.querySelector(".trend")) return;
    const bound = limit === undefined ? null : Number(limit);
    const load = async (from, until) => {
      const query = new URLSearchParams({ subject, field, from: Math.floor(from), until: Math.ceil(until), points: 600 });
      const answer = await fetch("/api/series?" + query, { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!answer.ok) throw new Error("no points");
      const { points } = await answer.json();
      const of = (name) => points.map((point) => point[name]);
      return [of("at").map((at) => Date.parse(at) / 1000), of("min"), of("max"), of("mean"), ...(bound === null ? [] : [points.map(() => bound)])];
    };
    const data = await load(from, until);
    if (data[0].length < 2) return;
    const picture = node.querySelector(".plot");
    const colour = (name) => getComputedStyle(html).getPropertyValue(name).trim();
    const value = (_, value) => figure(unit, value);
    const local = (at) => html.dataset.zone ? uPlot.tzDate(new Date(at * 1000), html.dataset.zone) : new Date(at * 1000);
    const words = ja ? ["時刻", "最小", "最大", "平均", "上限"] : ["Time", "Low", "High", "Mean", "Limit"];
    const axis = { stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, font: "12px sans-serif" };
    const line = (at, name, more) => ({ label: words[at], value, stroke: () => colour(name), points: { show: false }, ...more });
    const whole = { min: Number(from), max: Number(until) };
    const chart = new uPlot({
      width: node.clientWidth, height: 176,
      scales: { x: { range: (_, min, max) => min === null ? [whole.min, whole.max] : [min, max] }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high, bound || 0) * 1.06 || 1] } },
      tzDate: local,
      axes: [{ ...axis, space: 70, size: 26, values: (_, all, __, ___, step) => all.map((at) => uPlot.fmtDate(step < 60 ? "{HH}:{mm}:{ss}" : step < 86400 ? "{HH}:{mm}" : "{MM}-{DD}")(local(at))) },
        { ...axis, size: 62, values: (_, all) => all.map((one) => figure(unit, one)) }],
      series: [
        { label: words[0], value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
        line(1, "--curve", { width: 0 }), line(2, "--curve", { width: 0 }), line(3, "--curve", { width: 1.75 }),
        ...(bound === null ? [] : [line(4, "--mark-bad", { dash: [6, 4] })]),
      ],
      bands: [{ series: [2, 1], fill: () => colour("--curve") + "2b" }],
      hooks: { setSelect: [async (chart) => {
        const [low, high] = [chart.select.left, chart.select.left + chart.select.width].map((place) => chart.posToVal(place, "x"));
          if (high > low) chart.setData(await load(low, high), false);
      }] },
    }, data, node);
    node.classList.add("drawn");
    picture.remove();
    new ResizeObserver(() => chart.setSize({ width: node.clientWidth, height: 176 })).observe(node);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
    chart.over.addEventListener("dblclick", async () => chart.setData(await load(whole.min, whole.max)));
    setInterval(async () => {
      const { min, max } = chart.scales.x, length = whole.max - whole.min;
      if (document.hidden || max - min < length * 0.99) return;
      whole.max = Math.floor((agentNow + performance.now() - heardAt) / 1000);
      whole.min = whole.max - length;
      chart.setData(await load(whole.min, whole.max));
    }, CHARTS_MS);
  }

  heard(html.dataset.now);
  setInterval(tick, 1000);
  document.addEventListener("animationend", (event) => event.target.classList.remove("changed"));
  document.addEventListener("visibilitychange", () => { if (wanted) refresh(); });
  // Or it stays.
  if (window.uPlot) for (const node of document.querySelectorAll(".chart[data-subject]")) zoomable(node).catch(() => {});
  listen();
})();
