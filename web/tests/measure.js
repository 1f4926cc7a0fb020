// Figures of the page on this machine: `npm run measure --prefix web/tests`, with the page in dist/.

import { WEBGPU, launch, open, slide, until } from "./browser.js";
import { serve } from "./server.js";
import { DIST, transfer } from "./size.js";

const server = await serve(DIST, DIST);
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

async function visit(flags, query, use) {
  const browser = await launch(flags);
  const started = performance.now();
  const page = await open(await browser.newContext(), server.address + query);
  await use(page, () => Math.round(performance.now() - started));
  await browser.close();
}

const interactive = [];
const first = [];
const moved = [];
for (let turn = 0; turn < 5; turn++) {
  await visit([], "?device=flex", async (page, elapsed) => {
    await until(page, "a window", () => true);
    interactive.push(elapsed());
    await until(page, "the first matrix", (own) => own.shown?.evaluated);
    first.push(elapsed());
    await until(page, "the curve", (own) => own.shown.curve_ua.length === 10);
    await slide(page, "missing rate", 0.5);
    const own = await until(page, "the matrix at 0.5", (own) => own.missing.rate > 0.4 && own.shown.evaluated);
    moved.push(Math.round(own.shown.evaluated.millis));
  });
}
console.log(`from opening to a window that reacts: median ${median(interactive)} ms of ${interactive}`);
console.log(`from opening to the demo's first matrix: median ${median(first)} ms of ${first}`);
console.log(`evaluation of the demo on the processor: median ${median(moved)} ms of ${moved}`);
await visit(WEBGPU, "?device=webgpu", async (page, elapsed) => {
  await until(page, "the device", (own) => own.device, 600);
  console.log(`WebGPU on SwiftShader has passed its known-answer test after ${elapsed()} ms`);
});
server.close();
for (const { name, bytes, compressed } of transfer()) {
  console.log(`${name}: ${bytes} bytes, ${compressed} as brotli`);
}
