// The worker that extracts the features of recordings, from a module of its own: the page loads it with the
// first recording.

import init, { serve } from "./extraction.js";

const waiting = [];
let deliver = null;

self.onmessage = async ({ data }) => {
  if (deliver) {
    deliver(data);
    return;
  }
  waiting.push(data);
  if (waiting.length > 1) return;
  try {
    await init({ module_or_path: new URL("./extraction_bg.wasm", import.meta.url) });
    deliver = serve(data.setup);
  } catch (error) {
    self.postMessage(`cannot be loaded: ${error?.message ?? error}`);
    return;
  }
  for (const message of waiting.slice(1)) deliver(message);
};
