// A worker runs one pipeline of the application. The first message says which; the module that the page
// has compiled comes with it.

import init, { serve } from "./mct-web.js";

const waiting = [];
let deliver = null;

/** Makes the browser collect this worker's garbage. What messages leave behind counts as next to nothing, so that it
 * would be collected after hours, tens of megabytes later; an allocation of this size counts, and is never touched. */
function collect() {
  try {
    new ArrayBuffer(100 * 2 ** 20);
  } catch {
    // With so little memory left the browser collects by itself.
  }
}

self.onmessage = async ({ data }) => {
  if (deliver) {
    deliver(data);
    return;
  }
  waiting.push(data);
  if (waiting.length > 1) return;
  const { module, pipeline, setup } = data;
  try {
    await init({ module_or_path: module });
    deliver = serve(pipeline, setup);
  } catch (error) {
    // The page hears of errors outside of promises alone.
    setTimeout(() => {
      throw error;
    });
    return;
  }
  for (const message of waiting.slice(1)) deliver(message);
  setInterval(collect, 60_000);
};
