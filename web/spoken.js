// What the window shows, as text and controls of the page: for screen readers, which see no canvas, and for
// the keyboard. The window stays the one place where things are decided: this follows its state.

/** An element with attributes, properties and children. */
function element(name, attributes = {}, ...children) {
  const own = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) own.setAttribute(key, value);
  own.append(...children);
  return own;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

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

/** The texts: what is open, the scores, the matrix, the curve, the utterances. */
function texts(own, utterances) {
  const { corpus, device, shown } = own;
  const all = [];
  const say = (text) => all.push(element("p", {}, text));
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
  all.push(
    table(
      `Scores of ${evaluated.utterances.length ?? evaluated.utterances} utterances`,
      ["score", "value"],
      scores.map(([name, value]) => [name, isShare(name) ? percent(value) : value.toFixed(3)]),
    ),
  );
  const { categories, confusion } = evaluated;
  all.push(
    table(
      "Confusion matrix: true classes by row, predicted by column",
      ["true", ...categories],
      confusion.map((row, index) => [categories[index], ...row.map(String)]),
    ),
  );
  const main = shown.curves.find((curve) => curve.points.length > 0);
  if (main) {
    all.push(
      table(
        `${main.score} by missing rate`,
        ["missing rate", main.score],
        main.points.map(([rate, value]) => [rate.toFixed(1), value.toFixed(3)]),
      ),
    );
  }
  if (utterances) {
    const { rows, count } = utterances;
    const more = rows.length < count ? `, the first ${rows.length} of ${count}` : "";
    all.push(
      table(
        `Utterances of the side${more}`,
        ["utterance", "true", "predicted", "probability"],
        rows.map(([id, truth, predicted, sure]) => [id, truth, predicted, sure]),
      ),
    );
  }
  return all;
}

/** Builds the controls once; returns a function that makes them follow the state. */
function controls(place, act) {
  const rate = element("input", { type: "range", min: 0, max: 1, step: 0.01 });
  rate.oninput = () => act({ rate: Number(rate.value) });
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
    rate.setAttribute("aria-valuetext", percent(own.missing.rate));
    const ticks = own.missing.modalities;
    if (there.querySelectorAll("input").length !== ticks.length) {
      const tick = ({ name }) => {
        const box = element("input", { type: "checkbox" });
        box.onchange = () => act({ there: [name, box.checked] });
        return element("label", {}, box, ` ${name} `);
      };
      there.replaceChildren(there.firstChild, ...ticks.map(tick));
    }
    there.querySelectorAll("input").forEach((box, index) => (box.checked = ticks[index].there));
    options(side, own.sides, own.sides.indexOf(own.side));
    options(model, own.models, own.models.indexOf(own.shown?.name));
    const busy = ["starting", "running", "pausing", "paused", "stopping"].includes(own.training.phase);
    train.textContent = busy ? "Stop training" : "Train";
    train.disabled = !own.corpus;
  };
}

/** Keeps `place` as the window is, once a second where something has changed. */
export function speak(place, page, state) {
  const act = (action) => page.act(JSON.stringify(action));
  const asked = element("div");
  const follow = controls(asked, act);
  const said = element("div");
  const news = element("ul", { role: "log", "aria-live": "polite", "aria-label": "Messages" });
  place.append(element("h1", {}, "MCT-HFR"), asked, news, said);
  let before;
  let told = 0;
  const update = () => {
    const own = state();
    if (own) {
      follow(own);
      const training = `Training: ${own.training.phase}, epoch ${own.training.epoch}.`;
      const seen = JSON.stringify([own.device, own.corpus, own.shown, own.side, own.training.phase]);
      // A reader that is in the middle of a table keeps it until it changes.
      if (seen !== before) {
        before = seen;
        const utterances = page.utterances();
        said.replaceChildren(...texts(own, utterances && JSON.parse(utterances)), element("p", {}, training));
      }
      for (const notice of own.notices.slice(told)) news.append(element("li", {}, notice.text));
      told = own.notices.length;
    }
    setTimeout(update, 1000);
  };
  update();
}
