// The address follows what is evaluated, so that it can be shared and kept, and Back goes back.
//
// ?rate= is the missing rate, ?without=MODALITY and ?own=MODALITY:RATE (repeatable) the modalities that have
// none or their own, ?burst=STEPS, ?moments=same and ?seed= how steps are drawn, ?side= the side,
// ?select=ID (repeatable) the utterances that are selected, ?model= and ?compare= the models by name, ?view=
// (repeatable) the views in front, ?importance=1 whether it is shown how much each step counts.

const KEYS = ["rate", "without", "own", "burst", "moments", "seed", "side", "select", "model", "compare", "view", "importance"];

/** What an address says; null where it says nothing of it. */
function read(query) {
  if (!KEYS.some((key) => query.has(key))) return null;
  const number = (key) => {
    const text = query.get(key);
    return text && Number.isFinite(Number(text)) ? Number(text) : undefined;
  };
  const seed = number("seed");
  const own = query.getAll("own").map((text) => text.split(/:(?=[^:]*$)/));
  return {
    rate: number("rate"),
    without: query.getAll("without"),
    own: Object.fromEntries(
      own.filter(([, rate]) => rate && Number.isFinite(Number(rate))).map(([name, rate]) => [name, Number(rate)]),
    ),
    burst: number("burst"),
    same_moments: query.get("moments") === "same",
    mask_seed: Number.isSafeInteger(seed) && seed >= 0 ? seed : undefined,
    side: query.get("side") ?? undefined,
    selected: query.getAll("select"),
    model: query.get("model") ?? undefined,
    compared: query.get("compare") ?? undefined,
    views: query.getAll("view"),
    importance: query.get("importance") === "1",
  };
}

/** The address with these conditions, and everything else as it is. */
function write(conditions) {
  const address = new URL(location.href);
  const query = address.searchParams;
  for (const key of KEYS) query.delete(key);
  const { rate, without, own, burst, same_moments, mask_seed, side, selected } = conditions;
  const { model, compared, views, importance } = conditions;
  if (rate > 0) query.set("rate", rate.toFixed(2));
  for (const name of without) query.append("without", name);
  for (const [name, value] of Object.entries(own)) query.append("own", `${name}:${value.toFixed(2)}`);
  if (burst) query.set("burst", String(burst));
  if (same_moments) query.set("moments", "same");
  if (mask_seed !== null) query.set("seed", String(mask_seed));
  if (side) query.set("side", side);
  for (const id of selected) query.append("select", id);
  if (model) query.set("model", model);
  if (compared) query.set("compare", compared);
  for (const view of views) query.append("view", view);
  if (importance) query.set("importance", "1");
  return address.href;
}

/** How long a window is the same before it rests, in ms: less than between two looks, which after a look that came
 * late are closer together than that. */
const REST = 900;

/** Keeps the address as the window is, and the window as the address where somebody changes that. A slider's way is
 * written once it rests: with each new address a browser loads the icon again. */
export function follow(page, state) {
  const nothing = { rate: 0, without: [], own: {}, selected: [] };
  let wanted = read(new URLSearchParams(location.search));
  /** The steps at the newest address, and the number of the settling since which they are a person's. */
  let last;
  let settled;
  /** The address that is written once the window rests, and since when it is that. */
  let coming;
  let since;
  /** What a step back is kept for: a slider is no place to go back to. */
  const steps = ({ side, without, same_moments, selected, model, compared, views }) =>
    JSON.stringify([side, without, same_moments, selected, model, compared, views]);
  /** Makes the window as an address says, which is no step of its own. */
  const take = (conditions) => {
    page.act(JSON.stringify({ conditions }));
    wanted = null;
    coming = undefined;
  };
  addEventListener("popstate", () => {
    wanted = read(new URLSearchParams(location.search)) ?? nothing;
    if (state()?.corpus) take(wanted);
  });
  setInterval(() => {
    const own = state();
    if (!own?.corpus) return;
    if (wanted) return take(wanted);
    // What an address asks for, a model that opens later, other views in a narrower window: no steps.
    if (!own.settled) return;
    if (own.settled.number !== settled) last = steps(own.settled.conditions);
    settled = own.settled.number;
    const address = write(own.conditions);
    if (address !== coming) since = performance.now();
    coming = address;
    const rests = performance.now() - since >= REST;
    const now = steps(own.conditions);
    if (!rests && now === last) return;
    if (address !== location.href) history[now === last ? "replaceState" : "pushState"](null, "", address);
    last = now;
  }, 1000);
}
