// A worker runs one pipeline of the application. The first message says which; the module that the page
// has compiled comes with it.

import init, { serve } from "./mct-web.js";

const waiting = [];
let deliver = null;

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
};
