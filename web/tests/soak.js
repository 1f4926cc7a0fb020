// Memory of the page over a long time: `npm run soak --prefix web/tests -- slider|training [MINUTES]`, with the page
// in dist/. Linux: what the browser's processes hold beside their files is read from /proc. It should stay within 10 % of
// what it was after the first tenth of the time.

import { readFileSync, readdirSync } from "node:fs";

import { launch, open, until } from "./browser.js";
import { serve } from "./server.js";
import { DIST } from "./size.js";

const what = process.argv[2] ?? "slider";
const minutes = Number(process.argv[3] ?? 60);

/** Megabytes that the browser's processes below this one hold beside their files, by kind; what they share is
 * counted once. */
function memory() {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended.
    }
  }
  const below = (id) => parents.has(id) && (parents.get(id) === process.pid || below(parents.get(id)));
  const kinds = {};
  for (const id of parents.keys()) {
    if (!below(id)) continue;
    try {
      const command = readFileSync(`/proc/${id}/cmdline`, "utf8");
      const kind = /--type=([a-z-]+)/.exec(command)?.[1] ?? "browser";
      const rollup = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
      const own = [...rollup.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+)/gm)].map(([, kilobytes]) => Number(kilobytes));
      kinds[kind] = (kinds[kind] ?? 0) + own.reduce((all, one) => all + one, 0) / 1024;
    } catch {
      // It has ended.
    }
  }
  return kinds;
}

/** Makes the page and its workers collect their garbage: a worker that makes little of it does so late. */
async function collect(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const workers = page.workers().length;
  await new Promise((resolve) => {
    let collected = 0;
    session.on("Target.receivedMessageFromTarget", () => ++collected === workers && resolve());
    session.on("Target.attachedToTarget", ({ sessionId }) => {
      const message = JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" });
      session.send("Target.sendMessageToTarget", { sessionId, message }).catch(resolve);
    });
    session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  });
}

const sum = (kinds) => Math.round(Object.values(kinds).reduce((all, own) => all + own, 0));
const write = (kinds) => Object.entries(kinds).map(([kind, own]) => `${kind} ${Math.round(own)}`).join(", ");

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
if (what === "slider") {
  // In the page, so that nothing of calls from outside is counted.
  await rate.evaluate((input) => {
    self.turned = 0;
    setInterval(() => {
      input.value = (self.turned++ % 100) / 100;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }, 300);
  });
}
const started = Date.now();
const samples = [];
let turns = 0;
let next = 0;
while (Date.now() - started < minutes * 60_000) {
  await page.waitForTimeout(1000);
  const elapsed = (Date.now() - started) / 60_000;
  if (elapsed >= next) {
    const kinds = memory();
    turns = await page.evaluate(() => self.turned ?? 0);
    samples.push([elapsed, sum(kinds)]);
    console.log(`${elapsed.toFixed(1)} min: ${sum(kinds)} MB (${write(kinds)}), ${turns} turns`);
    next += minutes / 30;
  }
}
const own = await until(page, "the state", () => true);
// What the browser would give back if it had to.
await collect(page);
const collected = memory();
const warm = samples.filter(([at]) => at >= minutes / 10).map(([, megabytes]) => megabytes);
const [first, last, most] = [warm[0], warm.at(-1), Math.max(...warm)];
const did = what === "training" ? `epoch ${own.training.epoch}` : `${turns} turns`;
console.log(`${what}, ${minutes} min, ${did}: ${first} MB, at the end ${last}, at most ${most}`);
console.log(`garbage collected: ${sum(collected)} MB (${write(collected)})`);
console.log(`errors: ${JSON.stringify([...page.errors, ...own.dead])}`);
await browser.close();
server.close();
process.exit(last > first * 1.1 || page.errors.length > 0 ? 1 : 0);
