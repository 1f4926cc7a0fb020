// The expression network of face-api.js on the 112 x 112 picture that standard input holds as JSON (rows of
// red, green, blue). Needs `npm install @vladmandic/face-api` in the current folder.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const found = createRequire(join(process.cwd(), 'any.js')).resolve('@vladmandic/face-api/package.json');
let text = '';
for await (const part of process.stdin) text += part;
const folder = process.argv[2];
// The bundle asks Node for modules as a script would, and does without them in a browser.
const node = globalThis.process;
globalThis.process = undefined;
globalThis.window = globalThis;
globalThis.document = {};
const faceapi = await import(join(dirname(found), 'dist', 'face-api.esm.js'));
globalThis.process = node;
const tf = faceapi.tf;
await tf.setBackend('cpu');
await tf.ready();
const manifest = JSON.parse(await readFile(join(folder, 'face_expression_model-weights_manifest.json')));
const load = tf.io.weightsLoaderFactory(async (paths) =>
  Promise.all(paths.map(async (path) => {
    const bytes = await readFile(path);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  })));
const weights = await load(manifest, folder);
const net = new faceapi.FaceExpressionNet();
net.loadFromWeightMap(weights);
const picture = tf.tensor3d(JSON.parse(text), [112, 112, 3]);
const input = await new faceapi.NetInput([picture], false);
const features = net.faceFeatureExtractor.forwardInput(input);
const expressions = net.forwardInput(input);
console.log(JSON.stringify({
  features: Array.from(features.dataSync()),
  expressions: Array.from(expressions.dataSync()),
}));
