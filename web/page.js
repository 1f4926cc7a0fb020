// Starts the application on the page, says what it does meanwhile, and never leaves the page grey.
//
// Addresses: ?device=auto|webgpu|flex says what computes; ?open=FILE (repeatable) opens files beside the
// page, or of another origin that allows it, instead of the demo; ?set=KEY=VALUE (repeatable) is a value
// of the config for the next training.
//
// window.mctHfr.state() gives the state of the application as an object: see README.md.

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

/** What the browser offers to compute on, in words; null where it is a GPU. */
async function withoutGpu() {
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

function watch(page) {
  const panicked = page.panic();
  if (panicked !== undefined) {
    fail(
      `The application has stopped: ${panicked}\n\n` +
        "A training that was under way is kept; start again to go on with it.",
    );
    return;
  }
  setTimeout(watch, 1000, page);
}

async function start() {
  if (typeof WebAssembly !== "object") {
    return fail("This browser has no WebAssembly, which the application needs.");
  }
  const query = new URLSearchParams(location.search);
  const poor = await withoutGpu();
  const { default: init, Page } = await import("./mct-web.js");
  await init({ module_or_path: download(new URL("./mct-web_bg.wasm", import.meta.url)) });
  message.textContent = "starting…";
  progress.removeAttribute("value");
  const page = new Page();
  const canvas = document.getElementById("canvas");
  const wanted = query.get("device") ?? "auto";
  const device = wanted === "auto" && poor ? "flex" : wanted;
  canvas.addEventListener("webglcontextlost", () => {
    fail(
      "The browser has lost the graphics that the application draws with.\n\n" +
        "A training that was under way is kept; start again to go on with it.",
    );
  });
  // Workers resolve addresses against themselves, which lie beside the page.
  await page.start(canvas, device, "./demo-model.safetensors", query.getAll("open"), query.getAll("set"));
  window.mctHfr = Object.freeze({
    state() {
      const json = page.state();
      return json === undefined ? undefined : JSON.parse(json);
    },
  });
  cover.hidden = true;
  if (poor && wanted !== "flex") {
    note.textContent = poor;
    note.hidden = false;
    setTimeout(() => (note.hidden = true), 15000);
  }
  watch(page);
}

start().catch((error) => fail(`The application cannot start: ${error?.message ?? error}`));
