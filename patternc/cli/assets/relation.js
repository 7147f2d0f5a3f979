// Relations evaluated in the page: which pairs, and whether a box of pairs has some of them, or all.
//
// A relation is an array of html_relation.py. Answers are true, false, or null where finding out would take more than a
// page has; null never means either. A box is [i0, i1, j0, j1]: queries i0 <= i < i1, keys j0 <= j < j1, not empty.

const MOST_DRAWN_ROWS = 512;
const MOST_KEPT_ROWS = 4096;

const modulo = (value, modulus) => ((value % modulus) + modulus) % modulus;
const not = answer => answer === null ? null : !answer;

function anyOf(answers) {
  let open = false;
  for (const answer of answers) {
    if (answer) return true;
    open ||= answer === null;
  }
  return open ? null : false;
}

const allOf = answers => not(anyOf(answers.map(not)));

// -- single pairs ----------------------------------------------------------------------------------------------------

function holds(r, i, j, n) {
  switch (r[0]) {
    case "empty": return false;
    case "full": return true;
    case "band": return r[1] <= i - j && i - j <= r[2] && modulo(i - j, r[3]) === 0;
    case "residue": return r[2].includes(modulo(i - j, r[1]));
    case "columns": return r[2].includes(j % r[1]);
    case "rows": return r[2].includes(i % r[1]);
    case "keys": return r[1].some(span => span[0] <= j && j < span[1]);
    case "queries": return r[1].some(span => span[0] <= i && i < span[1]);
    case "chunk": return chunkOf(r[1], i) === chunkOf(r[1], j);
    case "random": {
      const keys = drawn(r, i, n);
      return keys && keys.includes(j);
    }
    case "layout": return i < r[1] && j < r[1] && bit(r, i, j) === 1;
    case "blocks": return holds(r[2], Math.floor(i / r[1]), Math.floor(j / r[1]), Math.ceil(n / r[1]));
    case "within": return holds(r[2], i % r[1], j % r[1], r[1]);
    case "slice":
      if (!(r[1] <= i && i < r[2] && r[1] <= j && j < r[2])) return false;
      return holds(r[3], i - r[1], j - r[1], r[2] - r[1]);
    case "union": return anyOf(r.slice(1).map(part => holds(part, i, j, n)));
    case "intersection": return allOf(r.slice(1).map(part => holds(part, i, j, n)));
    case "difference": return allOf([holds(r[1], i, j, n), not(holds(r[2], i, j, n))]);
    default: return null;
  }
}

function chunkOf(sizes, position) {
  for (let chunk = 0; chunk < sizes.length; chunk++) {
    if (position < sizes[chunk]) return chunk;
    position -= sizes[chunk];
  }
  return sizes.length + Math.floor(position / sizes[sizes.length - 1]);
}

const rowsOf = new WeakMap();  // from a layout to its bytes
function bit(r, i, j) {
  if (!rowsOf.has(r)) rowsOf.set(r, Uint8Array.from(atob(r[2]), letter => letter.charCodeAt(0)));
  return rowsOf.get(r)[i * Math.ceil(r[1] / 8) + (j >> 3)] >> (j & 7) & 1;
}

// -- random keys: the draw of algebra/random.py ----------------------------------------------------------------------

function philox(counter, key) {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const p0 = 0xD2511F53n * BigInt(c0), p1 = 0xCD9E8D57n * BigInt(c2);
    const high = product => Number(product >> 32n), low = product => Number(product & 0xFFFFFFFFn);
    [c0, c1, c2, c3] = [(high(p1) ^ c1 ^ k0) >>> 0, low(p1), (high(p0) ^ c3 ^ k1) >>> 0, low(p0)];
    k0 = (k0 + 0x9E3779B9) >>> 0;
    k1 = (k1 + 0xBB67AE85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

const keysOf = new WeakMap();  // from a relation to the keys of its rows
function drawn(r, i, n) {
  if (!keysOf.has(r)) keysOf.set(r, new Map());
  const known = keysOf.get(r);
  if (known.has(i)) return known.get(i);
  if (known.size >= MOST_KEPT_ROWS) known.clear();
  const keys = draw(r, i, n);
  known.set(i, keys);
  return keys;
}

function draw(r, i, n) {
  const [, count, key, causal, among, avoid] = r;
  const end = causal ? Math.min(i + 1, n) : n;
  let spans = among.filter(span => span[0] < end).map(span => [span[0], Math.min(span[1], end)]);
  if (avoid[0] !== "empty") {
    const left = [];
    for (const [start, stop] of spans) {
      for (let j = start; j < stop; j++) {
        const avoided = holds(avoid, i, j, n);
        if (avoided === null) return null;
        if (!avoided) left.push([j, j + 1]);
      }
    }
    spans = left;
  }
  const size = spans.reduce((sum, [start, stop]) => sum + stop - start, 0);
  const displaced = new Map(), ranks = [];
  let words = [];
  for (let t = 0; t < Math.min(count, size); t++) {
    if (t % 2 === 0) words = philox([t / 2, i >>> 0, Math.floor(i / 2 ** 32), 0], key);
    const fraction = BigInt(words[2 * (t % 2)]) << 32n | BigInt(words[2 * (t % 2) + 1]);
    const u = t + Number(fraction * BigInt(size - t) >> 64n);
    ranks.push(displaced.has(u) ? displaced.get(u) : u);
    displaced.set(u, displaced.has(t) ? displaced.get(t) : t);
  }
  return ranks.map(rank => {
    for (const [start, stop] of spans) {
      if (rank < stop - start) return start + rank;
      rank -= stop - start;
    }
  });
}

// -- boxes -----------------------------------------------------------------------------------------------------------

// Whether a box has some pair of a relation. `work.left` bounds the boxes that are looked at.
function some(r, box, n, work) {
  const [i0, i1, j0, j1] = box;
  switch (r[0]) {
    case "empty": return false;
    case "full": return true;
    case "band": {
      const low = Math.max(r[1], i0 - j1 + 1), high = Math.min(r[2], i1 - 1 - j0);
      return Math.ceil(low / r[3]) * r[3] <= high;
    }
    case "residue": return someResidue(r[1], r[2], i0 - j1 + 1, i1 - j0);
    case "columns": return someResidue(r[1], r[2], j0, j1);
    case "rows": return someResidue(r[1], r[2], i0, i1);
    case "keys": return r[1].some(span => span[0] < j1 && j0 < span[1]);
    case "queries": return r[1].some(span => span[0] < i1 && i0 < span[1]);
    case "chunk": return chunkOf(r[1], i0) <= chunkOf(r[1], j1 - 1) && chunkOf(r[1], j0) <= chunkOf(r[1], i1 - 1);
    case "random": return ofRows(r, box, n, keys => keys.some(j => j0 <= j && j < j1), anyOf);
    case "layout": return countBits(r, box) > 0;
    case "blocks": return some(r[2], box.map((edge, at) => blockEdge(edge, at, r[1])), Math.ceil(n / r[1]), work);
    case "within": return anyOf(wrapped(box, r[1]).map(part => some(r[2], part, r[1], work)));
    case "slice": {
      const cut = [Math.max(i0, r[1]), Math.min(i1, r[2]), Math.max(j0, r[1]), Math.min(j1, r[2])];
      if (cut[0] >= cut[1] || cut[2] >= cut[3]) return false;
      return some(r[3], cut.map(edge => edge - r[1]), r[2] - r[1], work);
    }
    case "union": return anyOf(r.slice(1).map(part => some(part, box, n, work)));
    case "intersection": {
      const parts = r.slice(1);
      const cut = parts.filter(part => every(part, box, n, work) !== true);
      if (cut.length === 0) return true;
      const answers = cut.map(part => some(part, box, n, work));
      if (answers.includes(false)) return false;
      return cut.length === 1 ? answers[0] : divided(r, box, n, work, some, anyOf);
    }
    case "difference": {
      const left = some(r[1], box, n, work), right = every(r[2], box, n, work);
      if (left === false || right === true) return false;
      if (some(r[2], box, n, work) === false) return left;
      if (every(r[1], box, n, work) === true) return not(right);
      return divided(r, box, n, work, some, anyOf);
    }
    default: return null;
  }
}

// Whether a box has only pairs of a relation.
function every(r, box, n, work) {
  const [i0, i1, j0, j1] = box;
  switch (r[0]) {
    case "empty": return false;
    case "full": return true;
    case "band": {
      const low = i0 - j1 + 1, high = i1 - 1 - j0;
      return r[1] <= low && high <= r[2] && (r[3] === 1 || low === high && modulo(low, r[3]) === 0);
    }
    case "residue": return everyResidue(r[1], r[2], i0 - j1 + 1, i1 - j0);
    case "columns": return everyResidue(r[1], r[2], j0, j1);
    case "rows": return everyResidue(r[1], r[2], i0, i1);
    case "keys": return r[1].some(span => span[0] <= j0 && j1 <= span[1]);
    case "queries": return r[1].some(span => span[0] <= i0 && i1 <= span[1]);
    case "chunk": {
      const first = chunkOf(r[1], Math.min(i0, j0));
      return first === chunkOf(r[1], Math.max(i1, j1) - 1);
    }
    case "random":
      if (j1 - j0 > r[1]) return false;
      return ofRows(r, box, n, keys => keys.filter(j => j0 <= j && j < j1).length === j1 - j0, allOf);
    case "layout": return countBits(r, box) === (i1 - i0) * (j1 - j0);
    case "blocks": return every(r[2], box.map((edge, at) => blockEdge(edge, at, r[1])), Math.ceil(n / r[1]), work);
    case "within": return allOf(wrapped(box, r[1]).map(part => every(r[2], part, r[1], work)));
    case "slice":
      if (i0 < r[1] || j0 < r[1] || i1 > r[2] || j1 > r[2]) return false;
      return every(r[3], box.map(edge => edge - r[1]), r[2] - r[1], work);
    case "union": {
      const parts = r.slice(1).filter(part => some(part, box, n, work) !== false);
      if (parts.length === 0) return false;
      const answers = parts.map(part => every(part, box, n, work));
      if (answers.includes(true)) return true;
      return parts.length === 1 ? answers[0] : divided(r, box, n, work, every, allOf);
    }
    case "intersection": return allOf(r.slice(1).map(part => every(part, box, n, work)));
    case "difference": return allOf([every(r[1], box, n, work), not(some(r[2], box, n, work))]);
    default: return null;
  }
}

// The question put to the quarters of a box; to its one pair, where it has no more.
function divided(r, box, n, work, question, join) {
  const [i0, i1, j0, j1] = box;
  if (i1 - i0 === 1 && j1 - j0 === 1) return holds(r, i0, j0, n);
  if (--work.left < 0) return null;
  const i = i0 + Math.ceil((i1 - i0) / 2), j = j0 + Math.ceil((j1 - j0) / 2);
  const quarters = [[i, i1, j0, j], [i0, i, j0, j], [i, i1, j, j1], [i0, i, j, j1]];
  const decisive = join === anyOf;
  let open = false;
  for (const part of quarters) {
    if (part[0] >= part[1] || part[2] >= part[3]) continue;
    const answer = question(r, part, n, work);
    if (answer === decisive) return answer;
    open ||= answer === null;
  }
  return open ? null : !decisive;
}

function someResidue(modulus, residues, start, stop) {
  if (stop - start >= modulus) return residues.length > 0;
  const first = modulo(start, modulus);
  return residues.some(residue => modulo(residue - first, modulus) < stop - start);
}

function everyResidue(modulus, residues, start, stop) {
  if (residues.length === modulus) return true;
  if (stop - start > residues.length) return false;
  for (let value = start; value < stop; value++) if (!residues.includes(modulo(value, modulus))) return false;
  return true;
}

function ofRows(r, [i0, i1], n, test, join) {
  if (i1 - i0 > MOST_DRAWN_ROWS) return null;
  const answers = [];
  for (let i = i0; i < i1; i++) {
    const keys = drawn(r, i, n);
    answers.push(keys && test(keys));
  }
  return join(answers);
}

const blockEdge = (edge, at, size) => at % 2 ? Math.floor((edge - 1) / size) + 1 : Math.floor(edge / size);

function wrapped([i0, i1, j0, j1], size) {
  const boxes = [];
  for (const [a, b] of turned(i0, i1, size)) for (const [c, d] of turned(j0, j1, size)) boxes.push([a, b, c, d]);
  return boxes;
}

function turned(start, stop, size) {
  if (stop - start >= size) return [[0, size]];
  const first = start % size, last = first + stop - start;
  return last <= size ? [[first, last]] : [[first, size], [0, last - size]];
}

const sumsOf = new WeakMap();  // from a layout to how many pairs have i < a and j < b
function countBits(r, box) {
  const side = r[1], across = side + 1;
  if (!sumsOf.has(r)) {
    const sums = new Int32Array(across * across);
    for (let i = 0; i < side; i++) {
      let row = 0;
      for (let j = 0; j < side; j++) {
        row += bit(r, i, j);
        sums[(i + 1) * across + j + 1] = sums[i * across + j + 1] + row;
      }
    }
    sumsOf.set(r, sums);
  }
  const sums = sumsOf.get(r);
  const [i0, i1, j0, j1] = box.map(edge => Math.min(edge, side));
  return sums[i1 * across + j1] - sums[i0 * across + j1] - sums[i1 * across + j0] + sums[i0 * across + j0];
}
