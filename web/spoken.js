// What the window shows, as text and controls of the page: for screen readers, which see no canvas, and for
// the keyboard. The window stays the one place where things are decided: this follows its state.

/** An element with attributes, properties and children. */
function element(name, attributes = {}, ...children) {
  const own = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) own.setAttribute(key, value);
  own.append(...children);
  return own;
}

/** A number in words; JSON has no number for what is not defined. */
const shown = (value, write) => (typeof value === "number" ? write(value) : "–");
const percent = (share) => shown(share, (own) => `${(100 * own).toFixed(1)} %`);
const decimal = (value, digits) => shown(value, (own) => own.toFixed(digits));

/** A table with a header row; the first cell of each row is its header. */
function table(caption, header, rows) {
  const head = element("tr", {}, ...header.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...cells]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...cells.map((text) => element("td", {}, text))),
  );
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, head),
    element("tbody", {}, ...body),
  );
}

/** A text, or a table, as an element. */
const drawn = (block) => (typeof block === "string" ? element("p", {}, block) : table(...block));

/** Changes a table in place where it has as many rows and columns as before: what is replaced is garbage, and a
 * slider moves often. Returns whether it could. */
function changed(own, before, after) {
  const [, header, rows] = before;
  const [caption, names, lines] = after;
  const same = names.length === header.length && lines.length === rows.length;
  if (!same || lines.some((line, row) => line.length !== rows[row].length)) return false;
  const write = (cell, text) => {
    const own = cell.firstChild;
    if (!own) cell.append(text);
    else if (own.data !== text) own.data = text;
  };
  write(own.caption, caption);
  [names, ...lines].forEach((line, row) => {
    const { cells } = own.rows[row];
    line.forEach((text, column) => write(cells[column], text));
  });
  return true;
}

/** Makes `place` show the blocks; `before` is what it shows. */
function show(place, before, after) {
  const elements = [...place.children];
  after.forEach((block, index) => {
    const [own, last] = [elements[index], before[index]];
    if (!own) return place.append(drawn(block));
    if (JSON.stringify(last) === JSON.stringify(block)) return;
    const isText = typeof block === "string";
    if (isText && typeof last === "string") own.firstChild.data = block;
    else if (isText || typeof last === "string" || !changed(own, last, block)) own.replaceWith(drawn(block));
  });
  elements.slice(after.length).forEach((own) => own.remove());
}

/** What is open, the scores, the matrix, the curve, the utterances: texts, and tables as caption, header and
 * rows. */
function texts(own, utterances) {
  const { corpus, device, shown } = own;
  const all = [];
  const say = (text) => all.push(text);
  if (device) say(`Computes on ${device.name}.${device.warning ? ` ${device.warning}` : ""}`);
  if (corpus) {
    const kind = corpus.synthetic ? "synthetic " : "";
    say(`Corpus ${corpus.title}: ${corpus.utterances} ${kind}utterances of ${corpus.modalities.join(", ")}.`);
  } else {
    say("No corpus is open.");
  }
  if (shown?.problem) say(`${shown.name}: ${shown.problem}`);
  const evaluated = shown?.evaluated;
  if (!evaluated) return all;
  say(`${shown.name}, ${evaluated.holds}${evaluated.current ? "" : "; a newer answer is on its way"}.`);
  const scores = Object.entries(evaluated.scores);
  const isShare = (name) => !["mae", "corr", "ccc"].includes(name);
  all.push([
    `Scores of ${evaluated.utterances} utterances`,
    ["score", "value"],
    scores.map(([name, value]) => [name.toUpperCase(), isShare(name) ? percent(value) : decimal(value, 3)]),
  ]);
  const { categories, confusion } = evaluated;
  all.push([
    "Confusion matrix: true classes by row, predicted by column",
    ["true", ...categories],
    confusion.map((row, index) => [categories[index], ...row.map(String)]),
  ]);
  const main = shown.curves.find((curve) => curve.points.length > 0);
  if (main) {
    all.push([
      `${main.score} by missing rate`,
      ["missing rate", main.score],
      main.points.map(([rate, value]) => [decimal(rate, 1), decimal(value, 3)]),
    ]);
  }
  if (utterances) {
    const { header, rows, count } = utterances;
    const more = rows.length < count ? `, the first ${rows.length} of ${count}` : "";
    all.push([`Utterances of the side${more}`, header, rows]);
  }
  return all;
}

/** Builds the controls once; returns a function that makes them follow the state. */
function controls(place, act) {
  const rate = element("input", { type: "range", min: 0, max: 1, step: 0.01 });
  const sayRate = () => rate.setAttribute("aria-valuetext", percent(Number(rate.value)));
  rate.oninput = () => {
    sayRate();
    act({ rate: Number(rate.value) });
  };
  const side = element("select");
  side.onchange = () => act({ side: side.value });
  const model = element("select");
  model.onchange = () => act({ model: Number(model.value) });
  const train = element("button", { type: "button" }, "Train");
  train.onclick = () => act({ train: train.textContent === "Train" });
  const there = element("fieldset", {}, element("legend", {}, "Modalities that are there"));
  const labelled = (text, control) => element("p", {}, element("label", {}, `${text} `, control));
  place.append(
    labelled("Missing rate", rate),
    there,
    labelled("Side", side),
    labelled("Model", model),
    element("p", {}, train),
  );
  /** A list that keeps its elements while it stays the same, so that the focus stays too. */
  const options = (list, names, chosen) => {
    if (list.options.length !== names.length || names.some((name, i) => list.options[i].text !== name)) {
      list.replaceChildren(...names.map((name, i) => element("option", { value: i }, name)));
      if (list === side) [...list.options].forEach((option) => (option.value = option.text));
    }
    list.selectedIndex = chosen;
  };
  return (own) => {
    if (document.activeElement !== rate) rate.value = own.missing.rate;
    sayRate();
    const ticks = own.missing.modalities;
    const names = JSON.stringify(ticks.map(({ name }) => name));
    if (there.dataset.names !== names) {
      there.dataset.names = names;
      const tick = ({ name }) => {
        const box = element("input", { type: "checkbox" });
        box.onchange = () => act({ there: [name, box.checked] });
        return element("label", {}, box, ` ${name} `);
      };
      there.replaceChildren(there.firstChild, ...ticks.map(tick));
    }
    there.querySelectorAll("input").forEach((box, index) => (box.checked = ticks[index].there));
    options(side, own.sides, own.sides.indexOf(own.side));
    options(model, own.models, own.shown_index ?? -1);
    const busy = ["starting", "running", "pausing", "paused", "stopping"].includes(own.training.phase);
    const does = busy ? "Stop training" : "Train";
    if (train.textContent !== does) train.textContent = does;
    train.disabled = !own.corpus;
  };
}

/** How the training stands. */
function trained({ phase, epoch, problem, not_kept }) {
  const kept = not_kept ? ` It is not kept when the page is closed: ${not_kept}.` : "";
  return `Training: ${phase}, epoch ${epoch}.${problem ? ` ${problem}` : ""}${kept}`;
}

/** F6 goes between the window, which takes every other key, and the text. */
function goBetween(place, first) {
  const canvas = document.getElementById("canvas");
  addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "F6") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (place.contains(document.activeElement)) canvas.focus();
      else first.focus();
    },
    { capture: true },
  );
}

/** Milliseconds without a change after which a control rests, and that texts wait for this at most. */
const REST = 500;
const BEHIND = 5000;

/** Keeps `place` as the window is, once a second where something has changed. */
export function speak(place, page, state) {
  const asked = element("div");
  const said = element("div");
  const training = element("p", { role: "status" });
  const messages = element("ul");
  const news = element("div", { role: "log", "aria-label": "Messages" }, messages);
  place.append(element("h1", {}, "MCT-HFR"), asked, training, news, said);
  const act = (action) => {
    page.act(JSON.stringify(action));
    setTimeout(update, 100);
  };
  const follow = controls(asked, act);
  goBetween(place, asked.querySelector("input"));
  let before;
  let asks;
  let moved;
  let behind;
  let last = [];
  let told = 0;
  function update() {
    const own = state();
    if (!own) return;
    follow(own);
    const stands = trained(own.training);
    if (training.textContent !== stands) training.textContent = stands;
    for (const notice of own.notices) {
      if (notice.number > told) messages.append(element("li", {}, notice.text));
    }
    told = Math.max(told, ...own.notices.map((notice) => notice.number));
    // What is said of a slider that moves is old before it is heard.
    const now = performance.now();
    const question = JSON.stringify([own.missing, own.side, own.shown_index]);
    if (question !== asks) {
      asks = question;
      moved = now;
      behind ??= now;
    }
    if (before !== undefined && now - moved < REST && now - behind < BEHIND) return;
    behind = undefined;
    // A reader that is in the middle of a table keeps it until it changes.
    const seen = JSON.stringify([own.device, own.corpus, own.shown, own.side]);
    if (seen === before) return;
    before = seen;
    const utterances = page.utterances();
    const blocks = texts(own, utterances && JSON.parse(utterances));
    show(said, last, blocks);
    last = blocks;
  }
  setInterval(update, 1000);
  update();
}
