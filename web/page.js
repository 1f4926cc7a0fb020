// Starts the application on the page, says what it does meanwhile, and never leaves the page grey.
//
// Addresses: ?device=auto|webgpu|flex says what computes; ?open=FILE (repeatable) opens files beside the
// page, or of another origin that allows it, instead of the demo; ?set=KEY=VALUE (repeatable) is a value
// of the config for the next training; place.js has what follows the window.
//
// window.mctHfr.state() gives the state of the application as an object: see README.md.

import { follow } from "./place.js";
import { speak } from "./spoken.js";

const DEVICES = ["auto", "webgpu", "flex"];

const cover = document.getElementById("cover");
const message = document.getElementById("message");
const progress = document.getElementById("progress");
const again = document.getElementById("again");
const note = document.getElementById("note");

again.onclick = () => location.reload();

function fail(text) {
  message.textContent = text;
  progress.hidden = true;
  again.hidden = false;
  cover.hidden = false;
  note.hidden = true;
}

/** Says something once, at the edge of the page, until it is closed. */
function tell(text) {
  note.querySelector("span").textContent = text;
  note.hidden = false;
}

note.querySelector("button").onclick = () => (note.hidden = true);

/** What the browser offers to compute on, in words; null where it is a GPU. */
async function withoutGpu() {
  if (!isSecureContext) {
    return (
      "This address is not secure (http), so the browser gives no WebGPU: models run on the processor, " +
      "which is slower. Over https, or on localhost, it may."
    );
  }
  if (!navigator.gpu) {
    return "This browser has no WebGPU: models run on the processor, which is slower.";
  }
  try {
    if (await navigator.gpu.requestAdapter()) return null;
  } catch {
    // Treated as no adapter.
  }
  return "WebGPU finds no graphics processor here: models run on the processor, which is slower.";
}

/** Whether no other page of this place has the stored training; this one then has it until it is closed. */
function hasTheStorage() {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const hold = () => {
      resolve(true);
      return new Promise(() => {});
    };
    // A page that is loaded again may come a little before its lock is given back.
    const signal = AbortSignal.timeout(1000);
    navigator.locks.request("mct-hfr-training", { signal }, hold).catch(() => resolve(!signal.aborted));
  });
}

/** Why a training is not kept beyond this page, in words; undefined where it is. */
async function notKept() {
  if (!isSecureContext) return "this address is not secure (http), so the browser gives the page no storage";
  if (!navigator.storage?.getDirectory) return "this browser gives pages no storage for files";
  if (!(await hasTheStorage())) return "another page of this address is open, which keeps its training";
  return undefined;
}

/** The wasm file with its progress; the length is only known where it is not compressed. */
async function download(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: status ${answer.status}`);
  const length = Number(answer.headers.get("content-length"));
  if (!answer.body || !length || answer.headers.get("content-encoding")) return answer;
  let loaded = 0;
  const counted = answer.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        progress.value = Math.min(1, loaded / length);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted, { headers: { "content-type": "application/wasm" } });
}

/** What becomes of a training when the page starts again. */
const fate = (lost) =>
  lost === undefined
    ? "A training that was under way is kept; start again to go on with it."
    : `A training that was under way is not kept: ${lost}.`;

function watch(page, lost) {
  const panicked = page.panic();
  if (panicked !== undefined) {
    fail(`The application has stopped: ${panicked}\n\n${fate(lost())}`);
    return;
  }
  setTimeout(watch, 1000, page, lost);
}

async function start() {
  if (typeof WebAssembly !== "object") {
    return fail("This browser has no WebAssembly, which the application needs.");
  }
  const query = new URLSearchParams(location.search);
  const wanted = query.get("device") ?? "auto";
  if (!DEVICES.includes(wanted)) {
    return fail(`?device=${wanted}: expected one of ${DEVICES.join(", ")}`);
  }
  const poor = await withoutGpu();
  if (wanted === "webgpu" && poor) {
    return fail(`?device=webgpu: ${poor}\n\nWithout ?device= the page takes what there is.`);
  }
  let lost = await notKept();
  const { default: init, Page } = await import("./mct-web.js");
  await init({ module_or_path: download(new URL("./mct-web_bg.wasm", import.meta.url)) });
  message.textContent = "starting…";
  progress.removeAttribute("value");
  const page = new Page();
  const canvas = document.getElementById("canvas");
  // The first to ask decides: edges are smoothed by the application itself, and nothing lies behind anything.
  canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false });
  const state = () => {
    const json = page.state();
    return json === undefined ? undefined : JSON.parse(json);
  };
  // The storage may also fail later; after a panic there is no state.
  const lostNow = () => {
    const training = state()?.training;
    if (training) lost = training.not_kept ?? undefined;
    return lost;
  };
  const device = wanted === "auto" && poor ? "flex" : wanted;
  canvas.addEventListener("webglcontextlost", () => {
    fail(`The browser has lost the graphics that the application draws with.\n\n${fate(lostNow())}`);
  });
  const files = query.getAll("open");
  // Workers resolve addresses against themselves, which lie beside the page.
  await page.start(canvas, device, "./demo-model.safetensors", files, query.getAll("set"), lost);
  window.mctHfr = Object.freeze({ state });
  // The window reads its keys from an input of its own, which has the focus.
  for (const input of document.querySelectorAll("body > input")) {
    input.setAttribute("aria-label", "Keys of the window; F6 goes to the same as text");
  }
  addEventListener("beforeunload", (event) => {
    const phase = state()?.training.phase;
    if (lostNow() !== undefined && ["running", "paused", "pausing"].includes(phase)) event.preventDefault();
  });
  cover.hidden = true;
  if (poor && wanted !== "flex") tell(poor);
  watch(page, lostNow);
  follow(page, state);
  speak(document.getElementById("spoken"), page, state);
}

start().catch((error) => fail(`The application cannot start: ${error?.message ?? error}`));
