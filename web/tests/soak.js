// Memory of the page over a long time: `npm run soak --prefix web/tests -- slider|training [MINUTES]`, with the page
// in dist/. Linux: the resident memory of the browser's processes is read from /proc. It should stay within 10 % of
// what it was after the first tenth of the time.

import { readFileSync, readdirSync } from "node:fs";

import { launch, open, until } from "./browser.js";
import { serve } from "./server.js";
import { DIST } from "./size.js";

const what = process.argv[2] ?? "slider";
const minutes = Number(process.argv[3] ?? 60);

/** Megabytes that this process and all below it hold, each shared page counted once. */
function memory(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended.
    }
  }
  const below = (id) => id === root || (parents.has(id) && below(parents.get(id)));
  let kilobytes = 0;
  for (const id of parents.keys()) {
    if (!below(id)) continue;
    try {
      const rollup = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]);
    } catch {
      // It has ended.
    }
  }
  return Math.round(kilobytes / 1024);
}

const server = await serve(DIST, DIST);
const browser = await launch();
const set = "set=training.epochs=100000&set=training.patience=100000&set=model.d=16&set=model.layers=1";
const page = await open(await browser.newContext(), `${server.address}?device=flex&${set}`);
// By the controls for screen readers, which need no pointer.
const rate = page.getByRole("slider", { name: "Missing rate" });
await until(page, "the first matrix", (own) => own.shown?.evaluated);
if (what === "training") {
  await page.getByRole("button", { name: "Train" }).press("Enter");
  await until(page, "a first step", (own) => own.training.losses.length > 0);
}
// The browser is a child of this process.
const started = Date.now();
const samples = [];
let turns = 0;
let next = 0;
while (Date.now() - started < minutes * 60_000) {
  if (what === "slider") {
    await rate.evaluate((input, value) => {
      input.value = value;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }, (turns % 100) / 100);
    await page.waitForTimeout(300);
  } else {
    await page.waitForTimeout(1000);
  }
  turns += 1;
  const elapsed = (Date.now() - started) / 60_000;
  if (elapsed >= next) {
    samples.push([elapsed, memory(process.pid)]);
    console.log(`${elapsed.toFixed(1)} min: ${samples.at(-1)[1]} MB, ${turns} turns`);
    next += minutes / 30;
  }
}
const own = await until(page, "the state", () => true);
const warm = samples.filter(([at]) => at >= minutes / 10).map(([, megabytes]) => megabytes);
const [first, last, most] = [warm[0], warm.at(-1), Math.max(...warm)];
const epoch = what === "training" ? `, epoch ${own.training.epoch}` : "";
console.log(`${what}, ${minutes} min, ${turns} turns${epoch}: ${first} MB, at the end ${last}, at most ${most}`);
console.log(`errors: ${JSON.stringify([...page.errors, ...own.dead])}`);
await browser.close();
server.close();
process.exit(last > first * 1.1 || page.errors.length > 0 ? 1 : 0);
