"use strict";
// Draws the report. The program computes every number: counts arrive as text, positions as fractions.

const BLOCK_HEIGHT = 62, MAX_LEVELS = 5, MIN_BLOCK_WIDTH = 14, MAX_CHILDREN = 240, REFRESH_INTERVAL_MS = 15000;
const live = document.documentElement.dataset.live === "yes";
let page = JSON.parse(document.getElementById("data").textContent);
// The CIDR of the block that each family is zoomed into.
const zoomed = {};

const $ = (id) => document.getElementById(id);
const grouped = (text) => String(text).replace(/\B(?=(\d{3})+$)/g, ",");
// Only 0 of N is 0.0% and only N of N is 100.0%. Counts are text because they can exceed 2^53.
const percent = ({ used, usable, percentUsed }) => {
  const exact = 100 * Number(used) / Number(usable);
  if (percentUsed === null) return "-";
  if (used !== "0" && exact < 0.1) return "<0.1%";
  if (used !== usable && exact > 99.9) return ">99.9%";
  return `${percentUsed.toFixed(1)}%`;
};

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") element.className = value || "";
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

function fill(parent, ...children) {
  parent.replaceChildren(...children);
}

const stateOf = (row) => row.unusableReason || row.state;

function pairs(list) {
  return make("dl", {}, ...list.flatMap(([name, value, field]) => [
    make("dt", {}, name), make("dd", { "data-field": field }, value)]));
}

function drawFamilies() {
  fill($("families"), ...page.families.filter((family) => family.configured).map((family) => {
    const bar = make("i");
    bar.style.width = `${family.percentUsed === null ? 0 : family.percentUsed}%`;
    return make("div", { class: "card", "data-family": family.family },
      make("h3", {}, family.family),
      make("div", {}, make("span", { class: "big", "data-field": "free" }, grouped(family.free)), " free"),
      make("div", { class: "meter", role: "img", "aria-label": `${percent(family)} used` }, bar),
      pairs([["Usable", grouped(family.usable), "usable"], ["Used", grouped(family.used), "used"],
        ["Used %", percent(family), "percentUsed"],
        ["Protected by static bands", `${grouped(family.staticEverywhere.used)} of ${grouped(family.staticEverywhere.size)} used`],
        ["Outside every ServiceCIDR", grouped(family.outsideServiceCIDRs), "outside"]]));
  }));
}

function nameOf(use) {
  switch (use.kind) {
    case "ServiceCIDR": return use.state === "Ready" ? use.name : `${use.name}: ${use.state}`;
    case "allowed range": return "allowed range";
    case "pods": return "pods";
    default: return `${use.kind} ${use.name}`;
  }
}

const names = (block) => block.uses.map(nameOf).join(", ");

function describe(block) {
  const lines = [`${block.cidr}${block.uses.length ? `: ${names(block)}` : ""}`];
  for (const use of block.uses.filter((use) => use.row !== undefined)) {
    const row = page.serviceCIDRs[use.row];
    lines.push(`${use.name}: ${grouped(row.usable)} usable, ${grouped(row.used)} used, ${grouped(row.free)} free; ` +
      `${grouped(row.unique)} in no other ServiceCIDR; static band ${grouped(row.staticBand.used)} of ${grouped(row.staticBand.size)} used`);
  }
  return lines;
}

function classOf(block) {
  const has = (kind) => block.uses.some((use) => use.kind === kind);
  const ranges = block.uses.filter((use) => use.kind === "ServiceCIDR");
  if (ranges.length) return ranges.some((use) => use.state === "Ready") ? "range" : "range unusable";
  if (has("declared network") || has("reserved network") || has("pods")) return "reserved";
  return has("allowed range") ? "allowed" : "";
}

// The children of a block, each with its position in pixels. They are to scale unless one would be too narrow to see: then
// the prefix length sets the width, with small gaps between them.
function layout(space, children, parent, left, width) {
  if (children.every((child) => space.blocks[child].width * width >= MIN_BLOCK_WIDTH)) {
    return { scaled: true, places: children.map((child) => [left + space.blocks[child].start * width, space.blocks[child].width * width]) };
  }
  let end = 0;
  const weights = children.map((child) => {
    const block = space.blocks[child];
    const gap = block.start > end ? 3 : 0;
    end = block.start + block.width;
    return [gap, block.hostBits + 4];
  });
  const rest = end < 1 ? 3 : 0;
  const all = weights.reduce((sum, [gap, own]) => sum + gap + own, rest);
  let at = left;
  const places = weights.map(([gap, own]) => {
    at += (gap / all) * width;
    const place = [at, (own / all) * width];
    at += place[1];
    return place;
  });
  return { scaled: false, places };
}

function usageBars(block) {
  if (!block.parts) return [];
  const most = Math.max(1, ...block.parts);
  const bars = block.parts.map((count) => {
    const bar = make("i");
    bar.style.height = count ? `${15 + (85 * count) / most}%` : "0";
    return bar;
  });
  const elements = [make("div", { class: "parts", "aria-hidden": "true" }, ...bars)];
  if (block.staticBand) {
    const band = make("div", { class: "band", "aria-hidden": "true" });
    band.style.width = `${block.staticBand * 100}%`;
    elements.push(band);
  }
  return elements;
}

function drawSpace(space) {
  const children = space.blocks.map(() => []);
  space.blocks.forEach((block, place) => { if (block.parent !== null) children[block.parent].push(place); });
  let root = space.blocks.findIndex((block) => block.cidr === zoomed[space.family]);
  if (root < 0) root = 0;
  const path = [];
  for (let at = root; at !== null; at = space.blocks[at].parent) path.unshift(at);

  const panel = make("div", { class: "description soft", "aria-live": "polite" }, "Point at a block, or focus it with Tab, to see its numbers. Click it or press Enter to zoom in.");
  const showDescription = (block) => fill(panel, ...describe(block).map((line) => make("div", {}, line)));
  const map = make("div", { class: "map" });
  const width = Math.max(280, $("spaces").clientWidth || 900) - 2;
  let deepest = 0, unscaled = false, leftOut = 0;

  const zoom = (place) => {
    zoomed[space.family] = space.blocks[place].cidr;
    draw();
    const again = document.querySelector(`[data-space="${space.family}"] [data-cidr="${space.blocks[place].cidr}"]`);
    if (again) again.focus();
  };

  const drawBlock = (place, left, wide, level) => {
    const block = space.blocks[place];
    deepest = Math.max(deepest, level);
    const button = make("button", {
      type: "button", class: `block ${classOf(block)}`, "data-cidr": block.cidr,
      "aria-label": describe(block).join(". ") + (place === root && block.parent !== null ? ". Enter zooms out" : ". Enter zooms in"),
      onclick: () => zoom(place === root && block.parent !== null ? block.parent : place),
      onfocus: () => showDescription(block), onmouseenter: () => showDescription(block),
    });
    if (wide > 34) button.append(make("span", {}, block.cidr), make("span", { class: "what" }, names(block)));
    button.append(...usageBars(block));
    // In percent, so that the map also fits the width of a printed page.
    Object.assign(button.style, {
      left: `${(100 * left) / width}%`, width: `calc(${(100 * wide) / width}% - 2px)`, minWidth: "2px",
      top: `${level * BLOCK_HEIGHT + 2}px`, height: `${BLOCK_HEIGHT - 4}px`,
    });
    map.append(button);
    if (level + 1 >= MAX_LEVELS) { leftOut += children[place].length; return; }
    const shown = children[place].slice(0, MAX_CHILDREN);
    leftOut += children[place].length - shown.length;
    const { scaled, places } = layout(space, shown, place, left, wide);
    if (!scaled) unscaled = true;
    shown.forEach((child, index) => drawBlock(child, places[index][0], places[index][1], level + 1));
  };
  drawBlock(root, 0, width, 0);
  map.style.height = `${(deepest + 1) * BLOCK_HEIGHT + 2}px`;

  const crumbs = path.map((place) => make("li", {}, make("button", {
    type: "button", "aria-current": place === root ? "true" : false, onclick: () => zoom(place),
  }, space.blocks[place].cidr)));
  const scale = unscaled
    ? "Not to scale where blocks would be too narrow to see: there, the prefix length sets the width."
    : "To scale.";
  const more = leftOut ? ` ${grouped(leftOut)} more blocks are not drawn here: zoom in, or see the table.` : "";
  return make("section", { "data-space": space.family },
    make("h2", {}, `${space.family} address space`),
    make("nav", { "aria-label": `${space.family} zoom` }, make("ol", {}, ...crumbs)),
    map, make("p", { class: "soft" }, scale + more), panel);
}

function legend() {
  const key = (kind, text) => make("li", {}, make("span", { class: `block ${kind}` }), text);
  return make("ul", { class: "legend", "aria-label": "Legend" },
    key("range", "ServiceCIDR; bars: where its addresses are used; double line: static band"),
    key("range unusable", "no allocatable addresses; the label shows the reason"), key("allowed", "allowed range"),
    key("reserved", "not for Services: pods, declared or reserved networks"));
}

function drawRows() {
  const cells = (row) => [
    ["name", row.name], ["cidr", row.cidr], ["state", stateOf(row)], ["usable", grouped(row.usable)], ["used", grouped(row.used)],
    ["free", grouped(row.free)], ["percentUsed", percent(row)], ["unique", grouped(row.unique)],
    ["staticBand", `${grouped(row.staticBand.used)} of ${grouped(row.staticBand.size)}`],
  ];
  fill($("rows").tBodies[0], ...page.serviceCIDRs.map((row) => {
    const overlaps = row.overlaps.map((one) => `${one.relation} ${one.serviceCIDR || `network ${one.network}`} ${one.cidr}`).join("; ");
    const more = Number(row.overlapCount) - row.overlaps.length;
    return make("tr", {}, ...cells(row).map(([field, text], place) => make("td", {
      "data-field": field, class: place > 2 ? "n" : field === "state" && text !== "Ready" ? "unusable" : undefined,
    }, text)), make("td", { class: "wrap", "data-field": "overlaps" }, more > 0 ? `${overlaps}; and ${grouped(more)} more` : overlaps));
  }));
  fill($("free").tBodies[0], ...page.freeBlocks.map((blocks) => make("tr", { "data-family": blocks.family },
    make("td", {}, blocks.family),
    make("td", { "data-field": "largest" }, blocks.largest ? `${grouped(blocks.largest.count)} (${blocks.largest.first}-${blocks.largest.last})` : "-"),
    make("td", { class: "wrap" }, blocks.byPrefixLength.map((one) => `${grouped(one.count)} × /${one.prefixLength}`).join(", ") || "-"))));
  fill($("notes"), ...page.notes.map((note) => make("li", {}, note)));
  $("anomalies").hidden = page.notes.length === 0;
}

function draw() {
  fill($("summary"), ...page.summary.split("; ").map((line) => make("span", {}, line)));
  document.title = `${page.summary} - ServiceCIDRs`;
  fill($("spaces"), ...page.spaces.map(drawSpace), ...(page.spaces.length ? [legend()] : []));
}

function drawAll() {
  drawFamilies();
  drawRows();
  draw();
}

function showPreview(answer) {
  const list = (texts) => (texts.length ? [make("ul", {}, ...texts.map((text) => make("li", {}, text)))] : []);
  if (answer.message) {
    fill($("preview"), make("p", { class: "verdict no" }, answer.message));
    return;
  }
  const counts = (counts) => `${grouped(counts.usable)} usable, ${grouped(counts.used)} used, ${grouped(counts.free)} free`;
  fill($("preview"),
    make("p", { class: `verdict ${answer.allowed ? "yes" : "no"}` }, answer.allowed ? "Allowed by the policy" : "Denied by the policy"),
    ...list([...answer.denials, ...answer.alternatives]), ...list(answer.warnings),
    make("table", {}, make("thead", {}, make("tr", {}, ...["Family", "Before", "After"].map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...answer.families.map((one) => make("tr", { "data-family": one.family },
        make("td", {}, one.family), make("td", {}, counts(one.before)), make("td", { "data-field": "after" }, counts(one.after)))))));
}

async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
  const text = await answer.text();
  try { return JSON.parse(text); } catch { return { message: text.trim() || `status ${answer.status}` }; }
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await ask("/report?view=page");
    if (answer.message) throw new Error(answer.message);
    if (JSON.stringify(answer) !== JSON.stringify(page)) { page = answer; drawAll(); }
    $("age").textContent = `As of ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    $("age").textContent = `Not updated: ${error.message}`;
  }
  $("age").hidden = false;
}

drawAll();
window.addEventListener("resize", () => draw());
if (live) {
  $("previews").hidden = false;
  document.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try { showPreview(await ask(`/preview?add=${encodeURIComponent($("add").value.trim())}`)); }
    catch (error) { showPreview({ message: `no response: ${error.message}` }); }
  });
  setInterval(refresh, REFRESH_INTERVAL_MS);
}
