// Chromium without a screen, and the page in it.

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const QUIET = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** WebGPU on SwiftShader, which needs no graphics processor. */
export const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** No WebGPU at all. */
export const NO_WEBGPU = ["--disable-features=WebGPU", "--disable-blink-features=WebGPU"];

export function launch(flags = []) {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [...QUIET, ...flags],
  });
}

/** Opens the page and collects what it complains of. */
export async function open(context, address) {
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) page.errors.push(message.text());
  });
  const { origin } = new URL(address);
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(blob|data):/.test(url)) page.errors.push(`a request to ${url}`);
  });
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(address);
  return page;
}

export function state(page) {
  return page.evaluate(() => window.mctHfr?.state());
}

/** Waits until `is(state)`; says what was there instead. */
export async function until(page, what, is, seconds = 240) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    last = await state(page);
    if (last !== undefined && is(last)) return last;
    await page.waitForTimeout(100);
  }
  const { controls, ...rest } = last ?? {};
  throw new Error(`waited for ${what}: ${JSON.stringify(rest).slice(0, 2000)} ${page.errors}`);
}

/** Where a control is, once it has stopped moving: a dialog is laid out in several frames. */
async function place(page, name) {
  let last;
  for (;;) {
    const { controls } = await state(page);
    const found = controls[name];
    if (!found) throw new Error(`no control ${name}`);
    if (last && found.every((value, index) => value === last[index])) break;
    last = found;
    await page.waitForTimeout(400);
  }
  const [x, y, width, height] = last;
  return { x, y, width, height };
}

/** Clicks the control of this name. */
export async function press(page, name) {
  const { x, y, width, height } = await place(page, name);
  await page.mouse.click(x + width / 2, y + height / 2);
}

/** Drags the slider of this name to a share of its rail. */
export async function slide(page, name, share) {
  const { x, y, height } = await place(page, name);
  const rail = 120;
  const at = (share) => x + 7 + (rail - 14) * share;
  await page.mouse.move(at(0), y + height / 2);
  await page.mouse.down();
  await page.mouse.move(at(share), y + height / 2, { steps: 8 });
  await page.mouse.up();
}
