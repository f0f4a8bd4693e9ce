// The story of a simulated run: time goes down, each machine has a lane. Only what is in view is drawn.
"use strict";

const story = JSON.parse(document.getElementById("story").textContent);
const moments = story.moments.map(([at, kind, lane, to, arrivals, lost, atoms, domain, minor, text], number) =>
  ({ number, at, kind, lane, to, arrivals, lost, atoms, domain, minor, text, last: Math.max(at, ...arrivals) }));
const spans = story.spans.map(([begin, end, kind, groups, text]) => ({ begin, end, kind, groups, text }));
const longest = moments.reduce((most, moment) => Math.max(most, moment.last - moment.at), 0);

const MOST = 4000; // shapes at once
const CLOSEST = 200; // µs from top to bottom
const HEAD = 22; // pixels above the lanes' beginnings: their names
const FOOT = 12; // and below their ends
const ROW = 13; // pixels that a text needs
const AXIS = 74; // pixels left of the lanes
const CONTEXT = new Set(["life", "fault", "violation"]);
const STATES = new Set(["down", "still"]);

const element = (id) => document.getElementById(id);
const diagram = element("diagram"), overview = element("overview"), detail = element("detail");

const filter = { atom: "", hidden: new Set(), minor: false };
const view = { from: 0, length: Math.min(story.end || 1, 1_000_000) }; // µs
let chosen = []; // the moments that the filter lets through
let drawn = []; // where they are: {moment, x1, y1, x2, y2}
let hot = null, kept = null;

function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

// ---- what is shown ----

function choose() {
  const atom = story.atoms.indexOf(filter.atom), home = atom < 0 ? -1 : story.homes[atom];
  const isAbout = (moment) => moment.atoms.includes(atom) || CONTEXT.has(moment.kind) ||
    (moment.kind === "domain" && moment.domain === home);
  chosen = moments.filter((moment) => (filter.minor || !moment.minor) && !filter.hidden.has(moment.kind) &&
    (!filter.atom || isAbout(moment)));
  element("atom").setCustomValidity(filter.atom && atom < 0 ? "no such atom in this story" : "");
}

function firstAt(time) {
  let low = 0, high = chosen.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chosen[middle].at < time) low = middle + 1; else high = middle;
  }
  return low;
}

function seconds(time, digits = 4) {
  return (time / 1e6).toFixed(digits);
}

// ---- drawing ----

function layout() {
  const width = diagram.clientWidth, height = diagram.clientHeight;
  const each = Math.max(50, Math.min(150, (width - AXIS) * 0.55 / story.lanes.length));
  return {
    width, height, each,
    right: AXIS + each * story.lanes.length,
    x: (lane) => AXIS + each * (lane + 0.5),
    y: (time) => HEAD + (time - view.from) / view.length * (height - HEAD - FOOT),
  };
}

function draw() {
  const at = layout(), until = view.from + view.length, made = document.createDocumentFragment();
  drawSpans(made, at, until);
  drawAxis(made, at, until);
  drawLanes(made, at, until);
  const end = firstAt(until + 0.001), taken = new Set();
  let inView = 0, below = HEAD, hidden = 0;
  drawn = [];
  for (let number = firstAt(view.from - longest); number < end; number++) {
    const moment = chosen[number];
    if (moment.last < view.from) continue;
    inView++;
    if (!drawMoment(made, at, moment, taken)) hidden++;
    const y = at.y(moment.at);
    if (y >= below) {
      const shape = svg("text", { class: moment.kind, x: at.right + 6, y: y + 4, "data-moment": moment.number });
      made.append(labelled(shape, moment, at.width - at.right));
      drawn.push({ moment, x1: at.right, y1: y, x2: at.width, y2: y });
      below = y + ROW;
    }
  }
  made.append(svg("rect", { class: "head", width: at.right, height: HEAD }));
  story.lanes.forEach((name, lane) => made.append(svg("text", { class: "name", x: at.x(lane), y: 14 }, name)));
  diagram.replaceChildren(made);
  const more = hidden ? `, ${hidden} of them behind others` : "";
  element("count").textContent = `${chosen.length} of ${moments.length} moments, ${inView} in view${more}`;
  heat(hot);
  drawOverview();
}

function labelled(shape, moment, width) {
  const fits = Math.max(8, Math.floor(width / 6));
  const text = describe(moment);
  shape.textContent = text.length > fits ? `${text.slice(0, fits - 1)}…` : text;
  return shape;
}

function drawSpans(made, at, until) {
  for (const span of spans) {
    if (span.end < view.from || span.begin > until || STATES.has(span.kind)) continue;
    const top = Math.max(HEAD, at.y(span.begin)), height = Math.max(1, Math.min(at.height, at.y(span.end)) - top);
    const box = (kind, x, width) => made.append(svg("rect", { class: `span ${kind}`, x, width, y: top, height }));
    if (!span.groups.length) box("everywhere", AXIS, at.right - AXIS);
    span.groups.forEach((lanes, side) => lanes.forEach((lane) =>
      box(side ? "other" : "", at.x(lane) - at.each / 2 + 1, at.each - 2)));
    if (height >= ROW) {
      const lane = span.groups.length ? Math.min(...span.groups.flat()) : 0;
      made.append(svg("text", { class: "fault", x: at.x(lane) - at.each / 2 + 3, y: top + 10 }, span.kind));
    }
  }
}

function drawAxis(made, at, until) {
  const rough = view.length / at.height * 60, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough);
  for (let time = Math.ceil(view.from / step) * step; time <= until; time += step) {
    made.append(svg("line", { class: "tick", x1: AXIS, x2: at.right, y1: at.y(time), y2: at.y(time) }));
    made.append(svg("text", { class: "time", x: AXIS - 6, y: at.y(time) + 4 }, seconds(time)));
  }
}

function drawLanes(made, at, until) {
  for (const lane of story.lanes.keys()) {
    made.append(svg("line", { class: "lane", x1: at.x(lane), x2: at.x(lane), y1: HEAD, y2: at.height }));
  }
  for (const span of spans) {
    if (!STATES.has(span.kind) || span.end < view.from || span.begin > until) continue;
    const x = at.x(span.groups[0][0]), y1 = Math.max(HEAD, at.y(span.begin)), y2 = Math.min(at.height, at.y(span.end));
    made.append(svg("line", { class: `lane ${span.kind}`, x1: x, x2: x, y1, y2 }));
  }
}

function drawMoment(made, at, moment, taken) {
  const y1 = at.y(moment.at), x1 = moment.lane < 0 ? AXIS : at.x(moment.lane);
  let isDrawn = false;
  const add = (name, x2, y2, attributes) => {
    const place = [name, moment.kind, moment.lost && 1, x1, x2, Math.round(y1 / 2), Math.round(y2 / 2)].join();
    if (taken.has(place) || taken.size >= MOST) return; // one would hide the other
    taken.add(place);
    isDrawn = true;
    drawn.push({ moment, x1, y1, x2, y2 });
    const classes = ["moment", moment.kind, moment.minor ? "minor" : "", moment.lost ? "lost" : ""];
    made.append(svg(name, { class: classes.filter(Boolean).join(" "), "data-moment": moment.number, ...attributes() }));
  };
  if (moment.lane < 0) {
    add("line", at.right, y1, () => ({ x1, y1, x2: at.right, y2: y1 }));
  } else if (moment.to < 0 || moment.to === moment.lane) {
    add("circle", x1, y1, () => ({ cx: x1, cy: y1, r: 3.5 }));
  } else if (moment.lost) {
    const x2 = x1 + (at.x(moment.to) - x1) * 0.75, y2 = y1 + 6;
    add("path", x2, y2, () => ({ d: `M${x1} ${y1}L${x2} ${y2}M${x2 - 4} ${y2 - 4}l8 8m0 -8l-8 8` }));
  } else {
    for (const arrival of moment.arrivals) {
      const x2 = at.x(moment.to), y2 = at.y(arrival);
      add("path", x2, y2, () => ({ d: arrow(x1, y1, x2, y2) }));
    }
  }
  return isDrawn;
}

function arrow(x1, y1, x2, y2) {
  const turn = Math.atan2(y2 - y1, x2 - x1);
  const wing = (by) => `${x2 - 7 * Math.cos(turn + by)} ${y2 - 7 * Math.sin(turn + by)}`;
  return `M${x1} ${y1}L${x2} ${y2}M${wing(0.4)}L${x2} ${y2}L${wing(-0.4)}`;
}

function drawOverview() {
  const height = overview.clientHeight, scale = height / (story.end || 1), made = document.createDocumentFragment();
  for (const span of spans) {
    const kind = span.groups.length ? "" : "everywhere";
    made.append(svg("rect", {
      class: `span ${kind}`, x: 3, width: 20, y: span.begin * scale, height: Math.max(1, (span.end - span.begin) * scale),
    }));
  }
  for (const moment of moments) {
    if (moment.kind !== "violation") continue;
    made.append(svg("line", { class: "moment violation", x1: 0, x2: 26, y1: moment.at * scale, y2: moment.at * scale }));
  }
  made.append(svg("rect", { class: "view", x: 1, width: 24, y: view.from * scale, height: Math.max(3, view.length * scale) }));
  overview.replaceChildren(made);
}

let isAsked = false;

function redraw() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => { isAsked = false; draw(); });
}

// ---- what one of them is ----

function describe(moment) {
  if (moment.lost) return `[${moment.lost === "down" ? "it is down" : `lost: ${moment.lost}`}] ${moment.text}`;
  return moment.arrivals.length > 1 ? `[twice] ${moment.text}` : moment.text;
}

function tell(moment) {
  const lanes = [moment.lane, moment.to].filter((lane) => lane >= 0).map((lane) => story.lanes[lane]);
  const came = moment.arrivals.filter((arrival) => arrival !== moment.at).map((arrival) => `${seconds(arrival, 6)}`);
  const where = [...new Set(lanes)].join(" → ");
  const atoms = moment.atoms.map((atom) => story.atoms[atom]).join(", ");
  return [
    `${seconds(moment.at, 6)} s  ${where}${came.length ? `, there at ${came.join(" and ")}` : ""}  (${moment.kind})`,
    describe(moment), atoms && `atoms: ${atoms}`,
  ].filter(Boolean).join("\n");
}

function heat(moment) {
  for (const shape of diagram.querySelectorAll(".hot")) shape.classList.remove("hot");
  if (moment) for (const shape of diagram.querySelectorAll(`[data-moment="${moment.number}"]`)) shape.classList.add("hot");
}

function distance(line, x, y) {
  const dx = line.x2 - line.x1, dy = line.y2 - line.y1, square = dx * dx + dy * dy;
  const part = square ? Math.max(0, Math.min(1, ((x - line.x1) * dx + (y - line.y1) * dy) / square)) : 0;
  return Math.hypot(line.x1 + part * dx - x, line.y1 + part * dy - y);
}

function point(x, y) {
  let nearest = null, least = 8;
  for (const line of drawn) {
    const far = distance(line, x, y);
    if (far < least) [nearest, least] = [line.moment, far];
  }
  hot = nearest || kept;
  heat(hot);
  const at = layout(), time = view.from + (y - HEAD) / (at.height - HEAD - FOOT) * view.length;
  const around = spans.filter((span) => span.begin <= time && time <= span.end).map((span) => span.text);
  detail.textContent = hot ? tell(hot) : `${seconds(time, 6)} s  ${around.join("; ")}`;
}

// ---- moving ----

function show(from, length) {
  view.length = Math.max(CLOSEST, Math.min(length, story.end || 1));
  view.from = Math.max(0, Math.min(from, story.end - view.length * 0.5));
  redraw();
}

function zoom(by, part = 0.5) {
  const length = Math.max(CLOSEST, Math.min(view.length * by, story.end || 1));
  show(view.from + (view.length - length) * part, length);
}

function refilter() {
  choose();
  redraw();
}

function wheel(event) {
  event.preventDefault();
  const height = diagram.clientHeight, turned = event.deltaY * (event.deltaMode ? 30 : 1);
  if (event.ctrlKey || event.metaKey) zoom(Math.exp(turned / 300), (event.offsetY - HEAD) / (height - HEAD - FOOT));
  else show(view.from + turned / height * view.length, view.length);
}

const KEYS = {
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => show(0, story.end),
  ArrowDown: () => show(view.from + view.length * 0.1, view.length),
  ArrowUp: () => show(view.from - view.length * 0.1, view.length),
  PageDown: () => show(view.from + view.length * 0.9, view.length),
  PageUp: () => show(view.from - view.length * 0.9, view.length),
  Home: () => show(0, view.length), End: () => show(story.end, view.length),
};

function begin() {
  element("atoms").append(...story.atoms.map((atom) => new Option(atom, atom)));
  for (const [kind, says] of [...Object.entries(story.kinds), ["minor", "what goes on all the time"]]) {
    if (kind === "violation") continue;
    const label = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "checkbox", id: `kind-${kind}`, checked: kind !== "minor" });
    label.title = says;
    label.append(box, ` ${kind}`);
    element("kinds").append(label);
    box.addEventListener("change", () => {
      if (kind === "minor") filter.minor = box.checked;
      else if (box.checked) filter.hidden.delete(kind);
      else filter.hidden.add(kind);
      refilter();
    });
  }
  const broken = moments.find((moment) => moment.kind === "violation");
  if (broken) {
    const button = element("violation");
    button.hidden = false;
    button.textContent = `${seconds(broken.at)} s: ${broken.text}`;
    button.addEventListener("click", () => show(broken.at - view.length * 0.8, view.length));
    view.from = Math.max(0, broken.at - view.length * 0.8);
  }
  const asked = new URLSearchParams(location.hash.slice(1)); // #atom=account/3&from=6.7&length=0.1
  element("atom").value = filter.atom = asked.get("atom") || "";
  if (asked.has("from")) view.from = Math.min(asked.get("from") * 1e6 || 0, story.end);
  if (asked.has("length")) view.length = Math.max(asked.get("length") * 1e6 || 0, CLOSEST);
  element("atom").addEventListener("input", () => {
    filter.atom = element("atom").value.trim();
    refilter();
  });
  element("closer").addEventListener("click", () => zoom(0.5));
  element("farther").addEventListener("click", () => zoom(2));
  element("whole").addEventListener("click", () => show(0, story.end));
  diagram.addEventListener("wheel", wheel, { passive: false });
  diagram.addEventListener("pointermove", (event) => point(event.offsetX, event.offsetY));
  diagram.addEventListener("click", () => { kept = kept === hot ? null : hot; });
  overview.addEventListener("click", (event) =>
    show(event.offsetY / overview.clientHeight * story.end - view.length / 2, view.length));
  addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  addEventListener("resize", redraw);
  choose();
  draw();
}

begin();
