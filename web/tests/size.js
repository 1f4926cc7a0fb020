// What the page transfers: its program, as a server with brotli sends it.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

export const DIST = resolve(import.meta.dirname, "../../dist");

/** Bytes that wasm and JavaScript may take together. */
export const LIMIT = 4_000_000;

export function transfer() {
  const files = ["mct-web_bg.wasm", "mct-web.js", "address.js", "page.js", "place.js", "spoken.js", "worker.js"];
  return files.map((name) => {
    const bytes = readFileSync(join(DIST, name));
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    return { name, bytes: bytes.length, compressed: brotliCompressSync(bytes, { params }).length };
  });
}
