// Serves folders on a free port, the later ones first.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

async function find(folders, path) {
  for (const folder of folders.toReversed()) {
    try {
      return await readFile(join(folder, path));
    } catch {
      // Perhaps in the next.
    }
  }
  return null;
}

export function serve(...folders) {
  const server = createServer(async (request, response) => {
    const address = new URL(request.url, "http://localhost");
    const path = normalize(decodeURIComponent(address.pathname));
    const file = path.endsWith("/") ? `${path}index.html` : path;
    const bytes = await find(folders, file);
    if (bytes === null) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-length": bytes.length });
    response.end(bytes);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = `http://127.0.0.1:${server.address().port}/`;
      resolve({ address, close: () => server.close() });
    });
  });
}
