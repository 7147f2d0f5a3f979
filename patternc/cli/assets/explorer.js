// The explorer: one mask on a canvas, walked through from blocks down to single pairs.
//
// The coarsest view is the picture that stands in the page, whose cells were counted; anything finer is evaluated here
// (relation.js), cell by cell. A cell that cannot be told in reasonable time is hatched: never shown as either.

const VIEW = 128;  // cells on a side, at most
const LEAST_VIEW = 8;
const WORK = 128;  // boxes that deciding one cell may look at
const SLICE = 12;  // milliseconds of one go at a view
const FAR_STEP = 8;
const REPEATED = 6, LAST_COLOUR = 5;
const ALPHA = [0.35, 0.6, 0.8, 1];
const NONE = -1, UNKNOWN = -2, NEVER = -3;  // else 4 * colour + level

const byId = id => document.getElementById(id);
const count = number => number.toLocaleString("en-US");
const span = (start, stop) => stop - start === 1 ? count(start) : `${count(start)}..${count(stop)}`;

function explore() {
  const data = JSON.parse(byId("explorer-data").textContent);
  const { tokens, causal } = data;
  const canvas = byId("mask"), context = canvas.getContext("2d");
  const layer = byId("layer"), head = byId("head");
  let pattern, overview, view, cursor, painting, cells;

  // -- which mask ----------------------------------------------------------------------------------------------------

  function choose() {
    const number = data.rows[data.of[layer ? +layer.value : 0]][head ? +head.value : 0];
    for (const [slider, name] of [[layer, "layer"], [head, "head"]]) {
      if (slider) byId(`${name}-at`).textContent = `${slider.value} of ${+slider.max + 1}`;
    }
    const before = pattern;
    pattern = data.patterns[number];
    overview = gridOf(byId(`mask-${number}`), tokens);
    byId("pattern").textContent = pattern.text;
    byId("legend").replaceChildren(...legend());
    canvas.setAttribute("aria-label", `Mask of ${pattern.text}`);
    if (!before || !view) whole();
    show();
  }

  function legend() {
    const terms = pattern.branches ? pattern.branches.flat() : [];
    if (terms.length < 2) return [];
    const shown = terms.slice(0, LAST_COLOUR).map((term, at) => [at, term.text]);
    const rest = terms.slice(LAST_COLOUR);
    if (rest.length) shown.push([LAST_COLOUR, rest.length === 1 ? rest[0].text : `${rest.length} more terms`]);
    if (pattern.branches.length > 1) shown.push([REPEATED, "counts more than once"]);
    return shown.map(([colour, text]) => {
      const item = document.createElement("li"), square = document.createElement("span");
      const name = document.createElement("code");
      square.className = `swatch b${colour}`;
      name.textContent = text;
      item.append(square, name);
      return item;
    });
  }

  // -- where --------------------------------------------------------------------------------------------------------

  const across = cell => Math.ceil(tokens / cell);
  const coarsest = () => {
    let cell = 1;
    while (across(cell) > VIEW) cell *= 2;
    return overview ? Math.max(cell, overview.cell) : cell;
  };

  function whole() {
    const cell = coarsest();
    view = { cell, side: across(cell), i: 0, j: 0 };
    cursor = { i: Math.floor(view.side / 2), j: Math.floor(view.side / 2) };
  }

  function zoom(inwards) {
    const { cell, side } = view;
    const at = { i: cursor.i * cell, j: cursor.j * cell };
    const where = { i: (cursor.i - view.i) / side, j: (cursor.j - view.j) / side };
    if (inwards) {
      if (cell > 1) view.cell = cell / 2;
      else if (side > LEAST_VIEW) view.side = Math.ceil(side / 2);
      else return;
    } else if (cell === 1 && side < Math.min(VIEW, tokens)) {
      view.side = Math.min(VIEW, tokens, side * 2);
    } else if (cell < coarsest()) {
      view.cell = cell * 2;
    } else return;
    if (view.cell !== cell) view.side = Math.min(VIEW, across(view.cell));
    cursor = { i: Math.floor(at.i / view.cell), j: Math.floor(at.j / view.cell) };
    view.i = Math.round(cursor.i - where.i * view.side);
    view.j = Math.round(cursor.j - where.j * view.side);
    show();
  }

  function move(di, dj) {
    const last = across(view.cell) - 1;
    cursor.i = Math.min(Math.max(cursor.i + di, 0), last);
    cursor.j = Math.min(Math.max(cursor.j + dj, 0), last);
    for (const axis of ["i", "j"]) {
      if (cursor[axis] < view[axis]) view[axis] = cursor[axis];
      if (cursor[axis] >= view[axis] + view.side) view[axis] = cursor[axis] - view.side + 1;
    }
    show();
  }

  function boxOf(i, j) {
    const { cell } = view;
    return [i * cell, Math.min((i + 1) * cell, tokens), j * cell, Math.min((j + 1) * cell, tokens)];
  }

  // -- what a cell is ------------------------------------------------------------------------------------------------

  function kindOf(i, j) {
    const box = boxOf(i, j);
    if (causal && box[2] >= box[1]) return NEVER;
    const counted = overview && overview.at(box[0], box[2]);
    if (overview && (view.cell === overview.cell || counted === NONE)) return counted;
    if (!pattern.branches) return UNKNOWN;
    return view.cell === 1 ? pairKind(box[0], box[2]) : blockKind(box);
  }

  function pairKind(i, j) {
    const found = termsWith(term => holds(term.relation, i, j, tokens));
    if (found.branches > 1) return 4 * REPEATED + 3;
    if (found.terms.length) return 4 * Math.min(found.terms[0], LAST_COLOUR) + 3;
    return found.open ? UNKNOWN : NONE;
  }

  function blockKind(box) {
    const work = { left: WORK };
    const found = termsWith(term => some(term.relation, box, tokens, work));
    if (!found.terms.length) return found.open ? UNKNOWN : NONE;
    const full = every(["union", ...relations()], box, tokens, work) === true;
    return 4 * Math.min(found.terms[0], LAST_COLOUR) + (full ? 3 : 0);
  }

  const relations = () => pattern.branches.flat().map(term => term.relation);

  // The terms for which a question is answered with yes; in how many branches; and whether some answer is open.
  function termsWith(question) {
    const terms = [];
    let number = 0, branches = 0, open = false;
    for (const branch of pattern.branches) {
      const before = terms.length;
      for (const term of branch) {
        const answer = question(term);
        open ||= answer === null;
        if (answer) terms.push(number);
        number++;
      }
      if (terms.length > before) branches++;
    }
    return { terms, branches, open };
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  function show() {
    for (const axis of ["i", "j"]) {
      view[axis] = Math.min(Math.max(view[axis], 0), across(view.cell) - view.side);
    }
    canvas.style.touchAction = view.side < across(view.cell) ? "none" : "auto";
    const { i, j, cell, side } = view;
    byId("shown").textContent =
      `Queries ${span(i * cell, Math.min((i + side) * cell, tokens))}, ` +
      `keys ${span(j * cell, Math.min((j + side) * cell, tokens))}; a cell is ` +
      (cell === 1 ? "a pair." : `a block of ${count(cell)} × ${count(cell)} pairs.`);
    byId("readout").textContent = readout();
    canvas.dataset.cursor = `${cursor.i * cell} ${cursor.j * cell}`;
    cells = new Int16Array(side * side).fill(UNKNOWN);
    cancelAnimationFrame(painting);
    evaluateFrom(0);
  }

  function evaluateFrom(row) {
    const end = performance.now() + SLICE;
    const { side } = view;
    while (row < side && performance.now() < end) {
      for (let column = 0; column < side; column++) {
        cells[row * side + column] = kindOf(view.i + row, view.j + column);
      }
      row++;
    }
    paint(row);
    if (row < side) painting = requestAnimationFrame(() => evaluateFrom(row));
    else canvas.dataset.view = `${view.cell} ${view.i} ${view.j} ${side}`;
  }

  function paint(rows) {
    const { side } = view;
    const style = getComputedStyle(document.documentElement);
    const colour = name => style.getPropertyValue(name).trim();
    const size = Math.round(canvas.clientWidth * (devicePixelRatio || 1));
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const edge = at => Math.round(at * size / side);
    context.globalAlpha = 1;
    context.fillStyle = colour("--paper");
    context.fillRect(0, 0, size, size);
    const terms = [...Array(REPEATED + 1).keys()].map(number => colour(`--t${number}`));
    const never = colour("--never"), open = hatched(colour("--faint"));
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < side; column++) {
        const kind = cells[row * side + column];
        if (kind === NONE) continue;
        context.fillStyle = kind === NEVER ? never : kind === UNKNOWN ? open : terms[kind >> 2];
        context.globalAlpha = kind < 0 ? 1 : ALPHA[kind & 3];
        const x = edge(column), y = edge(row);
        context.fillRect(x, y, edge(column + 1) - x, edge(row + 1) - y);
      }
    }
    context.globalAlpha = 1;
    context.strokeStyle = colour("--ink");
    context.lineWidth = Math.max(2, size / 300);
    const x = edge(cursor.j - view.j), y = edge(cursor.i - view.i), wide = Math.max(edge(1), size / 60);
    context.strokeRect(x - 1, y - 1, wide + 2, wide + 2);
  }

  function hatched(colour) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const lines = tile.getContext("2d");
    lines.strokeStyle = colour;
    lines.beginPath();
    lines.moveTo(0, 6);
    lines.lineTo(6, 0);
    lines.stroke();
    return context.createPattern(tile, "repeat");
  }

  // -- words ---------------------------------------------------------------------------------------------------------

  function readout() {
    const box = boxOf(cursor.i, cursor.j);
    if (!pattern.branches) return "The page has no room for this pattern; patternc show draws it.";
    const texts = pattern.branches.flat().map(term => term.text);
    if (view.cell === 1) {
      const [i, , j] = box;
      const found = termsWith(term => holds(term.relation, i, j, tokens));
      const pair = `Query ${count(i)} `;
      if (found.terms.length) {
        const times = found.branches > 1 ? `, which counts ${found.branches} times` : "";
        return `${pair}attends key ${count(j)}${times}: ${found.terms.map(at => texts[at]).join(", ")}`;
      }
      if (found.open) return `${pair}and key ${count(j)}: not worked out in a page; patternc mask says.`;
      return `${pair}does not attend key ${count(j)}.`;
    }
    const where = `Queries ${span(box[0], box[1])}, keys ${span(box[2], box[3])}: `;
    const kind = kindOf(cursor.i, cursor.j);
    if (kind === NONE || kind === NEVER) return `${where}no pairs.`;
    const found = termsWith(term => some(term.relation, box, tokens, { left: WORK }));
    const from = found.terms.length ? `, of ${found.terms.map(at => texts[at]).join(", ")}` : "";
    if (kind === UNKNOWN) return `${where}not worked out in a page at this size; zoom out.`;
    const full = every(["union", ...relations()], box, tokens, { left: WORK }) === true || (kind & 3) === 3;
    return `${where}${full ? "all" : "some"} pairs${from}`;
  }

  // -- hands ---------------------------------------------------------------------------------------------------------

  const KEYS = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    "+": true, "=": true, "-": false, _: false, 0: null, Home: null,
  };

  canvas.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
    const action = KEYS[event.key];
    event.preventDefault();
    if (action === null) {
      whole();
      show();
    } else if (typeof action === "boolean") zoom(action);
    else move(...action.map(step => step * (event.shiftKey ? FAR_STEP : 1)));
  });

  function cellAt(event) {
    const box = canvas.getBoundingClientRect();
    const at = (offset, length, first) => first + Math.min(Math.max(Math.floor(offset * view.side / length), 0), view.side - 1);
    return { i: at(event.clientY - box.top, box.height, view.i), j: at(event.clientX - box.left, box.width, view.j) };
  }

  let held = null;
  canvas.addEventListener("pointerdown", event => {
    held = { at: cellAt(event), i: view.i, j: view.j, x: event.clientX, y: event.clientY, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    if (!held) return;
    const length = canvas.clientWidth;
    const di = Math.round((held.y - event.clientY) * view.side / length);
    const dj = Math.round((held.x - event.clientX) * view.side / length);
    if (!held.moved && !di && !dj) return;
    held.moved = true;
    view.i = held.i + di;
    view.j = held.j + dj;
    show();
  });
  canvas.addEventListener("pointerup", event => {
    if (held && !held.moved) {
      cursor = cellAt(event);
      show();
    }
    held = null;
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("wheel", event => {
    if (document.activeElement !== canvas) return;  // the page scrolls
    event.preventDefault();
    cursor = cellAt(event);
    zoom(event.deltaY < 0);
  }, { passive: false });

  byId("zoom-in").addEventListener("click", () => zoom(true));
  byId("zoom-out").addEventListener("click", () => zoom(false));
  byId("zoom-whole").addEventListener("click", () => { whole(); show(); });
  for (const slider of [layer, head]) if (slider) slider.addEventListener("input", choose);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show());
  new ResizeObserver(() => paint(view.side)).observe(canvas);

  byId("explorer").hidden = false;
  choose();
}

// The cells of a picture of the page, by position; null where there is no picture.
function gridOf(picture, tokens) {
  if (!picture) return null;
  const side = picture.viewBox.baseVal.width, cell = +picture.dataset.cell;
  const grid = new Int16Array(side * side).fill(NONE);
  for (const path of picture.querySelectorAll("path[data-kind]")) {
    for (const [, x, y, width, height] of path.getAttribute("d").matchAll(/M(\d+) (\d+)h(\d+)v(\d+)/g)) {
      for (let row = +y; row < +y + +height; row++) grid.fill(+path.dataset.kind, row * side + +x, row * side + +x + +width);
    }
  }
  return { cell, at: (i, j) => grid[Math.floor(i / cell) * side + Math.floor(j / cell)] };
}

if (byId("explorer-data")) explore();
