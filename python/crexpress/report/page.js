"use strict";
// What the page can do with scripts on: find a gene, look at its locus, sort tables, choose curves. All data are inside;
// text is set as text, never as markup, so that a name is only ever a name.
const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

function make(tag, attributes, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  for (const part of inside) if (part !== null && part !== undefined) node.append(part);
  return node;
}

const breakable = (name) => String(name).split(/(?<=_)/).flatMap((part) => [part, make("wbr")]);  // long ids have "_"

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const count = (value) => Math.round(value).toLocaleString("en-US");
const figure = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));

function span(bp) {
  const size = Math.abs(bp), sign = bp < 0 ? "−" : "";
  if (size >= 1e6) return sign + +(size / 1e6).toPrecision(3) + " Mb";
  return size >= 1e3 ? sign + +(size / 1e3).toPrecision(3) + " kb" : sign + size + " bp";
}

// ---- unpacking ------------------------------------------------------------------------------------------------------

async function unpack(id) {
  const bytes = Uint8Array.from(atob($(id).textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function sums(differences) {
  let at = 0;
  return differences.map((step) => (at += step));
}

function names(packed) {
  if (Array.isArray(packed)) return packed;
  return sums(packed.numbers).map((number) => packed.head + String(number).padStart(packed.digits, "0"));
}

function places(values) {  // % of the known values that lie below each: never 100
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return values.map((value) => {
    if (value === null) return null;
    let low = 0, high = known.length;
    while (low < high) { const middle = (low + high) >> 1; if (known[middle] < value) low = middle + 1; else high = middle; }
    return Math.floor((1000 * low) / known.length) / 10;
  });
}

function open(data) {
  const genes = data.genes;
  genes.id = names(genes.id);
  genes.tss = sums(genes.tss);
  for (const cell of data.cells) {
    if (cell.observed) cell.observedPlace = places(cell.observed);
    if (cell.predicted) cell.predictedPlace = places(cell.predicted);
  }
  for (const links of data.links) {
    links.elements.id = names(links.elements.id);
    links.elements.start = sums(links.elements.start);
    links.element = sums(links.element);
    let at = 0, told = 0;
    links.first = links.counts.map((number) => { const here = at; at += number; return here; });
    links.whyOf = Array.from(links.told, (one) => (one === "1" ? told++ : -1));
  }
  return data;
}

// ---- one gene -------------------------------------------------------------------------------------------------------

const FEW = 8;  // links shown at first, besides those recommended
const SPLIT = ["training gene", "validation gene", "test gene: no part of training saw it"];

function rowsOf(data, links, gene) {
  const rows = [], elements = links.elements, tss = data.genes.tss[gene], along = data.genes.strand[gene] === "-" ? -1 : 1;
  const tested = (links.screen || []).filter((row) => row[0] === gene), chrom = data.chroms[data.genes.chrom[gene]];
  for (let at = links.first[gene]; at < links.first[gene] + links.counts[gene]; at++) {
    const e = links.element[at], start = elements.start[e], end = start + elements.length[e];
    const hits = tested.filter((row) => row[1] < end && row[1] + row[2] > start);
    rows.push({
      id: elements.id[e], start, end, place: `${chrom}:${count(start + 1)}-${count(end)}`, kind: links.classes[elements.class[e]], distance: along * (start + elements.middle[e] - tss),  // along the gene: upstream is minus
      score: (links.score[at] / 1000) * links.scale, rank: links.rank[at], called: links.called[at] === "1",
      silent: elements.silent[e] === "1", looped: links.looped[at] === "1",
      why: links.whyOf[at] >= 0 ? links.why[links.whyOf[at]] || "" : "",
      tracks: links.tracks.map((track) => (track.values[e] / 100) * track.top),
      screen: hits.length ? (hits.some((row) => row[3]) ? "responds" : "no response") : "",
    });
  }
  return { rows, tested };
}

function expressionTable(data, gene) {
  const body = make("tbody");
  for (const cell of data.cells) {
    const observed = cell.observed ? cell.observed[gene] : null, predicted = cell.predicted ? cell.predicted[gene] : null;
    const known = (value, place) => value === null ? "–" : [figure(value / 1000), place ? " " : "", place ? make("small", {}, `above ${place[gene]} % of genes`) : ""];
    const seen = data.genes.split[gene] !== 0 ? "no" : cell.seen ? "yes" : cell.copied ? "as another cell" : "no";
    body.append(make("tr", {}, make("th", { scope: "row" }, cell.name), make("td", {}, cell.role),
      make("td", {}, ...[known(observed, cell.observedPlace)].flat()), make("td", {}, ...[known(predicted, cell.predictedPlace)].flat()), make("td", {}, seen)));
  }
  const units = [...new Set(data.cells.map((cell) => cell.unit).filter(Boolean))].join(", ");
  const head = make("tr", {}), titles = ["Cell", "Role", "Observed", "Predicted", "Seen in training"];
  for (const title of titles) head.append(make("th", { scope: "col" }, title));
  [...body.rows].forEach((row) => [...row.cells].forEach((cell, column) => { if (column) cell.dataset.label = titles[column]; }));
  return make("div", { class: "table" }, make("table", {}, make("caption", {}, `Expression in every cell${units ? ", " + units : ""}.`), make("thead", {}, head), body));
}

function sortable(table) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = make("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (body) => { const cell = body.rows[0].cells[column]; return cell.dataset.value === undefined ? cell.textContent : +cell.dataset.value; };
      const rows = [...table.tBodies].sort((a, b) => { const x = value(a), y = value(b); return x < y ? -1 : x > y ? 1 : 0; });
      table.append(...(up ? rows : rows.reverse()));
    });
  });
}

function linkTable(data, links, rows) {
  const tracks = links.tracks.map((track) => track.name), screened = rows.some((row) => row.screen), loops = rows.some((row) => row.looped);
  const titles = ["Element", "Class", "Distance", links.label, "Rank", ...tracks, ...(loops ? ["Loop"] : []), ...(screened ? ["CRISPR"] : [])];
  const head = make("tr", {});
  for (const title of titles) head.append(make("th", { scope: "col" }, title));
  const table = make("table", { class: "links" }, make("caption", {}, `Links of this gene in ${links.cell}; those in bold are recommended, distances are along the gene (minus: upstream), with their place and the evidence under them: what moved the ${links.label}; much and little are above and below the median of the pairs that the link model learned from.${links.probability ? ` Recommended are links from the cutoff of ${figure(links.cutoff, 3)} on${data.called}${links.barred ? "; of others above it stands why they are not" : ""}.` : ""} Ranks are among all elements of the gene. Tracks: means over the element${links.transform ? ", " + links.transform : ""}. A heading sorts.`), make("thead", {}, head));
  for (const row of [...rows].sort((a, b) => a.rank - b.rank)) {
    const number = (value, text) => make("td", { class: "number", "data-value": value }, text);
    const line = make("tr", { "data-element": row.id });
    if (row.called) line.className = "called";
    line.append(make("th", { scope: "row" }, ...breakable(row.id)), make("td", {}, row.kind), number(row.distance, span(row.distance)),
      number(row.score, links.probability ? figure(row.score, 3) : row.score.toPrecision(3)), number(row.rank, String(row.rank)));
    row.tracks.forEach((value) => line.append(number(value, figure(value))));
    if (loops) line.append(make("td", {}, row.looped ? "yes" : ""));
    if (screened) line.append(make("td", {}, row.screen || "not tested"));
    [...line.cells].forEach((cell, column) => { if (column > 1) cell.dataset.label = titles[column]; });  // shown on small screens
    const why = row.silent ? "no signal in this cell" : row.why;
    const told = [row.place, why].filter(Boolean).join(" · ");
    const body = make("tbody", {}, line, make("tr", {}, make("td", { class: "why", colspan: titles.length }, told)));
    if (table.tBodies.length >= FEW && !row.called) body.hidden = true;
    table.append(body);
  }
  sortable(table);
  const box = make("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Links of this gene" }, table);
  const hidden = [...table.tBodies].filter((body) => body.hidden);
  if (!hidden.length) return box;
  const more = make("button", { type: "button" }, `Show ${hidden.length} weaker ones`);
  more.addEventListener("click", () => { hidden.forEach((body) => { body.hidden = false; }); more.remove(); fit(); });
  return make("div", {}, box, more);
}

// ---- its locus ------------------------------------------------------------------------------------------------------

function key(links, rows, tested) {  // what colours and marks of the locus mean
  const box = make("p", { class: "key" });
  const add = (text, tag, attributes) => {
    const mark = shape("svg", { width: 14, height: 12, "aria-hidden": "true" });
    mark.append(shape(tag, attributes));
    box.append(make("span", {}, mark, ` ${text}`));
  };
  const bar = (name) => ["line", { x1: 7, x2: 7, y1: 12, y2: 1, class: name }], square = (fill) => ["rect", { x: 2, y: 1, width: 10, height: 10, fill }];
  add("recommended", ...bar("bar called"));
  if (rows.some((row) => !row.called)) add("not recommended", ...bar("bar"));
  if (links.cutoff) add(`cutoff ${figure(links.cutoff, 3)}`, "line", { x1: 0, x2: 14, y1: 6, y2: 6, class: "cutoff" });
  if (rows.some((row) => row.silent)) add("no signal in this cell", "path", { d: "M4,3l6,6m0,-6l-6,6", class: "quiet" });
  if (tested.some((row) => row[3])) add("screen: the gene responds", "path", { d: "M1,1h12l-6,10z", class: "hit" });
  if (tested.some((row) => !row[3])) add("screen: no response", "path", { d: "M2,2h10l-5,8z", class: "miss" });
  const kinds = new Set(rows.map((row) => row.kind.split(",")[0]));
  if (kinds.has("PLS")) add("promoter-like", ...square(COLOUR.PLS));
  if (kinds.has("pELS")) add("proximal", ...square(COLOUR.pELS));
  if ([...kinds].some((kind) => !COLOUR[kind])) add(kinds.has("PLS") || kinds.has("pELS") ? "other elements" : "elements", ...square(OTHER));
  return box;
}

const OTHER = "#7d8490", COLOUR = { PLS: "#8e2a7e", pELS: "#e69f00" };

function viewOf(data, links, gene, rows, tested) {
  const genes = data.genes, places = [genes.tss[gene] - genes.before[gene], genes.tss[gene] + genes.after[gene]];
  for (const row of rows) if (row.called || row.screen === "responds" || row.rank <= 5) places.push(row.start, row.end);
  for (const row of tested) if (row[3]) places.push(row[1], row[1] + row[2]);
  const low = Math.min(...places), high = Math.max(...places), pad = Math.max(2000, (high - low) / 20);
  return [low - pad, high + pad];
}

function drawLocus(box, data, links, gene, rows, tested, view, say) {
  const genes = data.genes, width = Math.max(300, box.clientWidth), left = width < 560 ? 8 : 128, right = width - 10;
  const x = (bp) => left + ((bp - view[0]) / (view[1] - view[0])) * (right - left);
  const inside = (start, end) => end > view[0] && start < view[1];
  const svg = shape("svg", { width, role: "img", "aria-label": `Locus of ${genes.name[gene] || genes.id[gene]}: links, elements, tracks and genes` });
  let y = 6;
  const label = (text, top, height) => svg.append(shape("text", left > 20 ? { x: left - 8, y: top + height / 2 + 4, "text-anchor": "end", class: "lane" } : { x: left, y: top - 5, class: "lane" }, text));
  const gap = left > 20 ? 6 : 20;
  const hover = (node, text) => { node.append(shape("title", {}, text)); node.addEventListener("pointerenter", () => say(text)); return node; };
  const tss = genes.tss[gene], here = rows.filter((row) => inside(row.start, row.end));
  const told = (row) => `${row.id} (${row.kind}), ${span(row.distance)} from the TSS, ${links.label} ${links.probability ? figure(row.score, 3) : row.score.toPrecision(3)}`
    + (row.silent ? ", no signal in this cell" : "") + (row.screen ? `, CRISPR: ${row.screen}` : "") + (row.why ? `. ${row.why}` : "");

  // links: arcs of those called, a bar for each, with a scale
  const top = y + (gap > 6 ? 14 : 0), tall = 96, floor = top + tall;
  label(links.label, top, tall);
  const most = links.probability ? 1 : Math.max(...here.filter((row) => Math.abs(row.distance) >= 1000 && !row.silent).map((row) => row.score), 1e-9);
  const up = (value) => floor - Math.min(value / most, 1.06) * (tall - 8);
  for (const tick of [0, most / 2, most]) {
    svg.append(shape("line", { x1: left, x2: right, y1: up(tick), y2: up(tick), class: "rule" }));
    svg.append(shape("text", { x: right, y: up(tick) - 2, "text-anchor": "end", class: "tick" }, links.probability ? figure(tick, 1) : tick.toPrecision(2)));
  }
  if (links.cutoff) {
    svg.append(shape("line", { x1: left, x2: right, y1: up(links.cutoff), y2: up(links.cutoff), class: "cutoff" }));
  }
  for (const row of here) {
    const at = x((row.start + row.end) / 2), high = up(row.score);
    if (row.called) svg.append(shape("path", { d: `M${at},${floor} C${at},${high - 10} ${x(tss)},${high - 10} ${x(tss)},${floor}`, class: "arc" }));
    if (row.silent) svg.append(hover(shape("path", { d: `M${at - 3},${high - 3}l6,6m0,-6l-6,6`, class: "quiet" }), told(row)));
    else svg.append(hover(shape("line", { x1: at, x2: at, y1: floor, y2: Math.min(high, floor - 1), class: row.called ? "bar called" : "bar" }), told(row)));
  }
  y = floor + gap;

  if (rows.some((row) => row.looped)) {
    label("Loops to the TSS", y, 26);
    for (const row of here.filter((row) => row.looped)) {
      const at = x((row.start + row.end) / 2);
      svg.append(shape("path", { d: `M${at},${y + 24} Q${(at + x(tss)) / 2},${y - 16} ${x(tss)},${y + 24}`, class: "loop" }));
    }
    y += 26 + gap;
  }
  if (tested.length) {
    label("CRISPR screen", y, 12);
    for (const row of tested.filter((row) => inside(row[1], row[1] + row[2]))) {
      const at = x(row[1] + row[2] / 2), size = row[3] ? 6 : 4;
      svg.append(hover(shape("path", { d: `M${at - size},${y + 2}h${2 * size}l${-size},${1.6 * size}z`, class: row[3] ? "hit" : "miss" }),
        `tested: ${row[3] ? "the gene responds" : "no response"} (${count(row[1] + 1)}-${count(row[1] + row[2])})`));
    }
    y += 14 + gap;
  }
  label("Elements", y, 11);
  for (const row of here) {
    const start = x(row.start), wide = Math.max(2, x(row.end) - start);
    svg.append(hover(shape("rect", { x: start, y, width: wide, height: 11, fill: COLOUR[row.kind.split(",")[0]] || OTHER, opacity: row.silent ? 0.35 : 1 }), told(row)));
  }
  y += 12 + gap;
  links.tracks.forEach((track, number) => {
    const height = 26, base = y + height;
    label(`${track.name}, 0–${+track.top.toPrecision(3)}`, y, height);
    for (const row of here) {
      const at = x((row.start + row.end) / 2);
      svg.append(hover(shape("line", { x1: at, x2: at, y1: base, y2: base - (row.tracks[number] / track.top) * height, class: "signal" }), `${track.name} ${figure(row.tracks[number])} in ${row.id}`));
    }
    svg.append(shape("line", { x1: left, x2: right, y1: base, y2: base, class: "rule" }));
    y = base + gap;
  });
  if (links.tracks.length && links.transform) {
    svg.append(shape("text", { x: right, y: y + 2, "text-anchor": "end", class: "tick" }, `tracks: ${links.transform}`));
    y += 8;
  }
  label("Genes", y + 4, 12);
  const ends = [];
  for (let other = 0; other < genes.id.length; other++) {
    if (genes.chrom[other] !== genes.chrom[gene]) continue;
    const start = genes.tss[other] - genes.before[other], end = genes.tss[other] + genes.after[other];
    if (!inside(start, end)) continue;
    const from = Math.max(left, x(start)), to = Math.min(right, x(end)), name = genes.name[other] || genes.id[other];
    const wide = Math.max(to - from, 6.4 * name.length + 14), begins = Math.min(from, right - wide);  // a name may stand left of its gene
    let lane = ends.findIndex((taken) => taken < begins);
    if (lane < 0) lane = ends.length;
    if (lane > 5 && other !== gene) continue;
    ends[lane] = begins + wide + 6;
    const line = y + 4 + lane * 22, own = other === gene ? "own" : "other";
    svg.append(shape("rect", { x: from, y: line + 10, width: Math.max(2, to - from), height: 4, class: `gene ${own}` }));
    const anchor = from + wide > right ? { x: right, "text-anchor": "end" } : { x: from };
    const text = shape("text", { ...anchor, y: line + 6, class: `name ${own}` }, `${genes.strand[other] === "-" ? "◂ " : ""}${name}${genes.strand[other] === "-" ? "" : " ▸"}`);
    svg.append(text);
  }
  y += 8 + 22 * Math.max(1, ends.length);
  const steps = width < 560 ? 3 : 6;
  svg.append(shape("line", { x1: left, x2: right, y1: y, y2: y, class: "axis" }));
  for (let step = 0; step <= steps; step++) {
    const bp = view[0] + ((view[1] - view[0]) * step) / steps, anchor = step === 0 ? "start" : step === steps ? "end" : "middle";
    svg.append(shape("text", { x: x(bp), y: y + 14, "text-anchor": anchor, class: "tick" }, count(bp)));
  }
  svg.append(shape("line", { x1: x(tss), x2: x(tss), y1: 4, y2: y, class: "tss" }));
  svg.setAttribute("height", y + 22);
  svg.setAttribute("viewBox", `0 0 ${width} ${y + 22}`);
  box.replaceChildren(svg);
}

function locusOf(data, links, gene) {
  const { rows, tested } = rowsOf(data, links, gene);
  const home = viewOf(data, links, gene, rows, tested);
  let view = home;
  const box = make("div", { class: "locus" }), line = make("p", { class: "told", "aria-live": "polite" }, "Point at a bar, an element or a signal to read it here.");
  const draw = () => drawLocus(box, data, links, gene, rows, tested, view, (text) => { line.textContent = text; });
  const zoom = (factor, shift) => () => {
    const middle = (view[0] + view[1]) / 2 + shift * (view[1] - view[0]), half = Math.max(500, ((view[1] - view[0]) / 2) * factor);
    view = [middle - half, middle + half];
    draw();
  };
  const bar = make("div", { class: "bar" });
  for (const [text, title, act] of [["+", "zoom in", zoom(0.5, 0)], ["−", "zoom out", zoom(2, 0)], ["◂", "to the left", zoom(1, -0.25)],
    ["▸", "to the right", zoom(1, 0.25)], ["whole", "back to the whole locus", () => { view = home; draw(); }]]) {
    const button = make("button", { type: "button", title, "aria-label": title }, text);
    button.addEventListener("click", act);
    bar.append(button);
  }
  const about = [];
  const reach = links.reach;
  if (reach) {
    about.push(`The network saw ${span(reach.upstream[gene])} upstream and ${span(reach.downstream[gene])} downstream of this gene.`);
    const plus = data.genes.strand[gene] !== "-", tss = data.genes.tss[gene];
    const low = tss - (plus ? reach.upstream[gene] : reach.downstream[gene]), high = tss + (plus ? reach.downstream[gene] : reach.upstream[gene]);
    const beyond = tested.filter((row) => row[3] && !(row[1] + row[2] > low && row[1] <= high)).length;
    if (beyond) about.push(`${beyond} of its ${tested.filter((row) => row[3]).length} regulated elements of the screen lie outside that.`);
  }
  const called = rows.filter((row) => row.called).length;
  about.push(`${called} recommended ${called === 1 ? "link" : "links"}.`);
  const node = make("div", {}, make("h3", {}, `Locus in ${links.cell}`), make("p", {}, about.join(" ")), bar, box, key(links, rows, tested), line,
    rows.length ? linkTable(data, links, rows) : make("p", {}, "No links of this gene are held by this page."));
  requestAnimationFrame(draw);
  window.addEventListener("resize", draw);
  return { node, stop: () => window.removeEventListener("resize", draw) };
}

let shown = [], chosen = "";

function show(data, gene) {
  const genes = data.genes, chrom = data.chroms[genes.chrom[gene]], out = $("gene");
  shown.forEach((one) => one.stop());
  const where = `${chrom}:${count(genes.tss[gene] - genes.before[gene] + 1)}-${count(genes.tss[gene] + genes.after[gene])}, ${genes.strand[gene] === "-" ? "minus" : "plus"} strand`;
  const split = genes.split[gene];
  const choice = make("select", { id: "locus-cell" }, ...data.links.map((links) => make("option", {}, links.cell)));
  choice.value = data.links.some((links) => links.cell === chosen) ? chosen : (data.links[0] || {}).cell;
  const place = make("div", {});
  const draw = () => {
    shown.forEach((one) => one.stop());
    chosen = choice.value;
    shown = data.links.filter((links) => links.cell === chosen).map((links) => locusOf(data, links, gene));
    place.replaceChildren(...shown.map((one) => one.node));
  };
  choice.addEventListener("change", draw);
  out.replaceChildren(
    make("h3", { class: "found" }, genes.name[gene] || genes.id[gene], make("small", {}, ` ${genes.id[gene]}, ${where}${split === null ? "" : ", " + SPLIT[split]}`)),
    data.cells.length ? expressionTable(data, gene) : "",
    data.links.length > 1 ? make("p", {}, make("label", { for: "locus-cell" }, "Cell of the locus "), choice) : "", place);
  draw();
  $("gene-name").value = genes.name[gene] || genes.id[gene];
}

function find(data, typed) {  // all genes of a symbol, else those of an id
  const wanted = typed.trim().toLowerCase(), genes = data.genes;
  if (!wanted) return [];
  const all = (test) => genes.id.map((_, at) => at).filter(test);
  const named = all((at) => genes.name[at].toLowerCase() === wanted);
  return named.length ? named : all((at) => [genes.id[at].toLowerCase(), genes.id[at].toLowerCase().split(".")[0]].includes(wanted));
}

function like(data, typed) {
  const wanted = typed.trim().toLowerCase(), found = [];
  if (wanted.length < 2) return found;
  for (let at = 0; at < data.genes.id.length && found.length < 20; at++) {
    if (data.genes.name[at].toLowerCase().startsWith(wanted) || data.genes.id[at].toLowerCase().startsWith(wanted)) found.push(data.genes.name[at] || data.genes.id[at]);
  }
  return found;
}

function finder(data) {
  const form = $("finder"), input = $("gene-name"), note = $("gene-note"), list = $("gene-list");
  form.hidden = false;
  const ask = (typed) => {
    const genes = find(data, typed);
    note.textContent = !genes.length ? `No gene is called "${typed}" here.${like(data, typed.slice(0, 3)).length ? " Similar: " + like(data, typed.slice(0, 3)).slice(0, 6).join(", ") + "." : ""}` : "";
    if (genes.length > 1) {
      note.append(`${genes.length} genes are called "${typed}"; the first is shown. Choose: `);
      for (const gene of genes) {
        const choice = make("button", { type: "button" }, data.genes.id[gene]);
        choice.addEventListener("click", () => show(data, gene));
        note.append(choice, " ");
      }
    }
    if (genes.length) show(data, genes[0]);
    return genes.length > 0;
  };
  let entered = false;  // by a click, which puts a cursor behind focus; what is typed then replaces the gene shown
  input.addEventListener("focus", () => { entered = true; input.select(); });
  input.addEventListener("mouseup", () => { if (entered) input.select(); entered = false; });
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(input.value); });
  input.addEventListener("input", () => list.replaceChildren(...like(data, input.value).map((name) => make("option", { value: name }))));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-gene]");
    if (link && ask(link.dataset.gene)) $("find").scrollIntoView();
  });
  const first = form.dataset.first;
  if (first) ask(first);
}

// ---- charts ---------------------------------------------------------------------------------------------------------

function scatters(data, box) {
  const names = JSON.parse(box.dataset.scatter), cells = data.cells.filter((one) => names.includes(one.name) && one.observed && one.predicted && !one.classes);
  if (!cells.length) return;
  const choice = make("select", { id: "scatter-cell" }, ...cells.map((one) => make("option", {}, one.name))), place = make("div", {});
  let stop = scatter(data, cells[cells.length - 1], place);
  choice.value = cells[cells.length - 1].name;
  choice.addEventListener("change", () => { stop(); stop = scatter(data, cells.find((one) => one.name === choice.value), place); });
  box.append(make("p", {}, make("label", { for: "scatter-cell" }, "Gene by gene: "), choice), place);
}

function scatter(data, cell, box) {
  const points = [];
  data.genes.id.forEach((_, at) => { if (data.genes.split[at] === 2 && cell.observed[at] !== null && cell.predicted[at] !== null) points.push(at); });
  const canvas = make("canvas", { role: "img", "aria-label": `Predicted against observed expression in ${cell.name}` }), line = make("p", { class: "told", "aria-live": "polite" });
  const whole = points.reduce((top, at) => Math.max(top, cell.observed[at], cell.predicted[at]), 1) * 1.03;
  const hint = `${cell.name}: point at a test gene to read its name; a click looks it up.`;
  line.textContent = hint;
  let size = 0;
  const x = (value) => 40 + (value / whole) * (size - 50), y = (value) => size - 34 - (value / whole) * (size - 44);
  const draw = () => {
    size = Math.min(460, Math.max(280, box.clientWidth));
    const ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d"), ink = getComputedStyle(document.body);
    canvas.width = canvas.height = size * ratio;
    canvas.style.width = canvas.style.height = size + "px";
    pen.scale(ratio, ratio);
    const text = ink.getPropertyValue("--muted"), rule = ink.getPropertyValue("--rule"), dot = ink.getPropertyValue("--dot");
    pen.strokeStyle = rule; pen.fillStyle = text; pen.font = "12px system-ui, sans-serif";
    for (let tick = 0; tick * 1000 <= whole; tick++) {
      pen.beginPath(); pen.moveTo(x(tick * 1000), y(0)); pen.lineTo(x(tick * 1000), y(whole)); pen.moveTo(x(0), y(tick * 1000)); pen.lineTo(x(whole), y(tick * 1000)); pen.stroke();
      pen.fillText(String(tick), x(tick * 1000) - 3, size - 18); pen.fillText(String(tick), 22, y(tick * 1000) + 4);
    }
    pen.fillText("Observed, " + (cell.unit || ""), 40, size - 3);
    pen.save(); pen.translate(12, size - 34); pen.rotate(-Math.PI / 2); pen.fillText("Predicted", 0, 0); pen.restore();
    pen.setLineDash([4, 3]); pen.beginPath(); pen.moveTo(x(0), y(0)); pen.lineTo(x(whole), y(whole)); pen.stroke(); pen.setLineDash([]);
    pen.fillStyle = dot;
    for (const at of points) { pen.beginPath(); pen.arc(x(cell.observed[at]), y(cell.predicted[at]), 2.2, 0, 7); pen.fill(); }
  };
  const nearest = (event) => {
    let best = -1, least = 144;
    for (const at of points) {
      const d = (x(cell.observed[at]) - event.offsetX) ** 2 + (y(cell.predicted[at]) - event.offsetY) ** 2;
      if (d < least) { least = d; best = at; }
    }
    return best;
  };
  canvas.addEventListener("pointermove", (event) => {
    const at = nearest(event);
    line.textContent = at < 0 ? hint : `${data.genes.name[at] || data.genes.id[at]}: observed ${figure(cell.observed[at] / 1000)}, predicted ${figure(cell.predicted[at] / 1000)}`;
  });
  canvas.addEventListener("click", (event) => { const at = nearest(event); if (at >= 0) { show(data, at); $("find").scrollIntoView(); } });
  box.replaceChildren(canvas, line);
  draw();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  window.addEventListener("resize", draw);
  dark.addEventListener("change", draw);
  return () => { window.removeEventListener("resize", draw); dark.removeEventListener("change", draw); };
}

function curves(node) {
  const data = JSON.parse(node.textContent), box = make("div", { class: "curves" }), menu = make("fieldset", {}, make("legend", {}, "Scores, by average precision; dashed: no network in them"));
  const chosen = new Set(data.lines.filter((line) => line.shown).map((line) => line.name));
  const draw = () => {
    const width = Math.min(620, Math.max(280, box.clientWidth || 620)), height = 340;
    const x = (value) => 44 + value * (width - 60), y = (value) => height - 40 - value * (height - 56);
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Precision against recall" });
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(shape("line", { x1: x(0), x2: x(1), y1: y(tick), y2: y(tick), class: "rule" }), shape("text", { x: x(0) - 6, y: y(tick) + 4, "text-anchor": "end", class: "tick" }, String(tick)),
        shape("text", { x: x(tick), y: y(0) + 16, "text-anchor": "middle", class: "tick" }, String(tick)));
    }
    svg.append(shape("text", { x: x(0.5), y: height - 6, "text-anchor": "middle", class: "lane" }, "Recall"), shape("text", { x: 4, y: 12, class: "lane" }, "Precision"),
      shape("line", { x1: x(0.7), x2: x(0.7), y1: y(0), y2: y(1), class: "cutoff" }), shape("text", { x: x(0.7) + 4, y: y(1) + 10, class: "tick" }, "70 % recall"));
    for (const line of data.lines.filter((one) => chosen.has(one.name))) {
      svg.append(shape("polyline", { points: line.points.map(([r, p]) => `${x(r).toFixed(1)},${y(p).toFixed(1)}`).join(" "), fill: "none", style: `stroke:${line.colour}`, "stroke-width": line.model ? 2.4 : 1.6, "stroke-dasharray": line.model ? "none" : "5 3" }));
      const at = line.at70;  // as the table has it
      if (at !== null) { const dot = shape("circle", { cx: x(0.7), cy: y(at), r: 4, style: `fill:${line.colour}` }); dot.append(shape("title", {}, `${line.name}: precision ${figure(at, 3)} at 70 % recall`)); svg.append(dot); }
    }
    box.replaceChildren(svg);
  };
  data.lines.forEach((line, number) => {
    const tick = make("input", { type: "checkbox", id: `${data.id}-${number}` });
    tick.checked = chosen.has(line.name);
    tick.addEventListener("change", () => { if (tick.checked) chosen.add(line.name); else chosen.delete(line.name); draw(); });
    const swatch = make("i", {});
    swatch.style.background = line.colour;
    menu.append(make("label", { for: tick.id }, tick, swatch, ` ${line.label}`));
  });
  node.after(make("div", { class: "chooser" }, box, menu));
  draw();
  window.addEventListener("resize", draw);
}

// ---- tables -----------------------------------------------------------------------------------------------------------

let fitting = false;
function fit() {  // with the next frame: tables whose columns do not fit are shown as blocks
  if (fitting) return;
  fitting = true;
  requestAnimationFrame(() => {
    fitting = false;
    const tables = [...document.querySelectorAll(".table")];
    tables.forEach((one) => one.classList.remove("stacked"));
    tables.filter((one) => one.scrollWidth > one.clientWidth + 1).forEach((one) => one.classList.add("stacked"));
  });
}

// ---- start ----------------------------------------------------------------------------------------------------------

async function start() {
  document.documentElement.classList.add("scripted");
  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = $(button.dataset.copy).textContent;
      try { await navigator.clipboard.writeText(text); button.textContent = "copied"; } catch { getSelection().selectAllChildren($(button.dataset.copy)); }
    });
  });
  document.querySelectorAll("script[data-curves]").forEach(curves);
  fit();
  ["resize", "beforeprint", "afterprint"].forEach((name) => window.addEventListener(name, fit));
  document.addEventListener("toggle", fit, true);  // a part that is opened
  if (!$("genes-data")) return;
  const holds = (node) => node.querySelector && (node.matches(".table") || node.querySelector(".table"));
  const added = (changes) => changes.some((one) => [...one.addedNodes].some(holds));  // not what is told of a bar under the mouse
  new MutationObserver((changes) => { if (added(changes)) fit(); }).observe($("gene"), { childList: true, subtree: true });
  if (typeof DecompressionStream === "undefined") {
    $("gene-note").textContent = "This browser is too old to unpack the genes of this page; the same stands in the folder tables.";
    return;
  }
  const data = open(await unpack("genes-data"));
  finder(data);
  document.querySelectorAll("[data-scatter]").forEach((box) => scatters(data, box));
  document.documentElement.classList.add("ready");
}
start();
