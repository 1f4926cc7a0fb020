// The page in headless Chromium. Needs the page in dist/ (`trunk build`), the command line's binary in
// MCT_HFR, and Chromium; test.sh at the top makes all of them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { NO_WEBGPU, WEBGPU, launch, open, press, slide, state, until } from "./browser.js";
import { DIST, LIMIT, transfer } from "./size.js";
import { serve } from "./server.js";

const MCT_HFR = process.env.MCT_HFR ?? "mct-hfr";
/** Screenshots go here, for somebody to look at. */
const PICTURES = process.env.PICTURES;

const folder = mkdtempSync(join(tmpdir(), "mct-hfr-page-"));
const corpus = join(folder, "tiny.safetensors");
let server;

const mctHfr = (...words) => execFileSync(MCT_HFR, words, { encoding: "utf8" });

before(async () => {
  mctHfr("corpus", "demo", "--scale", "0.02", "--out", corpus);
  const small = ["model.d=8", "model.heads=2", "model.layers=1"].flatMap((own) => ["--set", own]);
  const run = join(folder, "run");
  mctHfr(
    ...["train", "--corpus", corpus, "--out", run, "--preset", "demo", "--epochs", "2"],
    ...["--device", "flex", ...small],
  );
  mctHfr("weights", "export", run, "--out", join(folder, "tiny-model.safetensors"));
  writeFileSync(join(folder, "corrupt.safetensors"), readFileSync(corpus).subarray(0, 5000));
  server = await serve(DIST, folder);
});

after(() => server?.close());

async function inBrowser(flags, query, use) {
  const browser = await launch(flags);
  try {
    const context = await browser.newContext({ acceptDownloads: true });
    const page = await open(context, server.address + query);
    await use(page, context);
  } finally {
    await browser.close();
  }
}

async function picture(page, name) {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

const evaluated = (own) => own.shown?.evaluated;

test("what the page loads is small", () => {
  const sizes = transfer();
  const total = sizes.reduce((sum, own) => sum + own.compressed, 0);
  console.log(sizes, total);
  assert.ok(total <= LIMIT, `${total} bytes of at most ${LIMIT}`);
});

test("the demo is there within seconds, and a slider changes the matrix", async () => {
  await inBrowser([], "?device=flex", async (page) => {
    const first = await until(page, "the first matrix", evaluated);
    assert.equal(first.device.name, "flex");
    assert.equal(first.corpus.synthetic, true);
    const { utterances, scores, confusion } = first.shown.evaluated;
    assert.equal(utterances, 543);
    assert.ok(scores.ua > 0.85, `UA ${scores.ua}`);
    await slide(page, "missing rate", 0.9);
    const second = await until(page, "the matrix of the new rate", (own) => {
      return own.missing.rate > 0.8 && own.shown.evaluated.scores.ua < scores.ua - 0.1;
    });
    assert.notDeepEqual(second.shown.evaluated.confusion, confusion);
    const third = await until(page, "the curve and the embedding", (own) => {
      return own.shown.curve_ua.length === 10 && own.limit && own.embedding.steps > 5;
    });
    assert.ok(third.limit[0] > third.shown.curve_ua[0][1]);
    await picture(page, "page");
    assert.deepEqual(page.errors, []);
  });
});

test("a corrupt file is refused in words, and what was open stays", async () => {
  await inBrowser([], "?device=flex&open=./tiny.safetensors&open=./tiny-model.safetensors&open=./corrupt.safetensors", async (page) => {
    const own = await until(page, "the refusal", (own) => own.notices.some((n) => n.kind === "error"));
    assert.match(own.notices.find((n) => n.kind === "error").text, /corrupt\.safetensors/);
    await until(page, "the matrix", evaluated);
    // By drag and drop, too.
    const bytes = Array.from(readFileSync(join(folder, "corrupt.safetensors")));
    await page.evaluate((bytes) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], "dropped.safetensors"));
      const canvas = document.getElementById("canvas");
      canvas.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
    }, bytes);
    const after = await until(page, "the second refusal", (own) => {
      return own.notices.some((n) => n.text.includes("dropped.safetensors"));
    });
    assert.equal(after.corpus.utterances, own.corpus.utterances);
    assert.ok(evaluated(after));
  });
});

/** Drops files, `[name, bytes]`, on the page. */
async function drop(page, files) {
  const all = files.map(([name, bytes]) => [name, Array.from(bytes)]);
  await page.evaluate((all) => {
    const transfer = new DataTransfer();
    for (const [name, bytes] of all) transfer.items.add(new File([new Uint8Array(bytes)], name));
    const canvas = document.getElementById("canvas");
    canvas.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
  }, all);
}

test("a table is imported with its files, and what it does not say is asked for", async () => {
  await inBrowser([], "?device=flex&open=./tiny.safetensors", async (page) => {
    await until(page, "the corpus", (own) => own.corpus);
    const text = (content) => Buffer.from(content);
    const array = (value) => text(`a,b\n${value},1\n${value},2\n`);
    const table = (labels) => text(`id,audio,label\nu0,x/u0.csv,${labels[0]}\nu1,x/u1.csv,${labels[1]}\n`);
    const files = [["u0.csv", array(1)], ["u1.csv", array(2)]];
    await drop(page, [["clips.csv", table(["sad", "happy"])], ...files]);
    const own = await until(page, "the table", (own) => own.corpus.utterances === 2);
    assert.deepEqual(own.corpus.classes, ["happy", "sad"]);
    assert.deepEqual(own.corpus.modalities, ["audio"]);
    // Without the files it cannot be imported, and the dialog says so.
    await drop(page, [["alone.csv", table(["sad", "happy"])]]);
    const asked = await until(page, "the dialog", (own) => own.importing && own.controls["cancel import"]);
    assert.match(asked.importing.problem, /picked together/);
    await picture(page, "import");
    await press(page, "cancel import");
    await until(page, "no dialog", (own) => !own.importing);
    // Words where intensities are wanted.
    await press(page, "import options");
    await until(page, "the dialog", (own) => own.importing?.file === "clips.csv" && own.controls["import --class-names"]);
    await press(page, "import --class-names");
    await page.keyboard.type("sad, happy, bored");
    await press(page, "import");
    const named = await until(page, "the names", (own) => own.corpus.classes.length === 3);
    assert.deepEqual(named.corpus.classes, ["sad", "happy", "bored"]);
    assert.deepEqual(page.errors, []);
  });
});

/** A second of a tone in noise, 16 kHz in 16 bits: in bands without any sound there would be only rounding. */
function tone(hertz) {
  const data = Buffer.alloc(2 * 16_000);
  let state = 1;
  for (let i = 0; i < 16_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const noise = 2000 * (state / 2 ** 32 - 0.5);
    data.writeInt16LE(Math.round(9000 * Math.sin((2 * Math.PI * hertz * i) / 16_000) * (i / 16_000) + noise), 2 * i);
  }
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  [16, 0x0001_0001, 16_000, 32_000, 0x0010_0002].forEach((value, place) => head.writeUInt32LE(value, 16 + 4 * place));
  head.write("data", 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

test("recordings are opened by a module of their own, as on the command line", async () => {
  const clips = mkdtempSync(join(folder, "clips-"));
  const lines = ["id,audio,label,transcript,side"];
  ["train", "train", "train", "train", "valid", "valid", "test", "test"].forEach((side, index) => {
    writeFileSync(join(clips, `u${index}.wav`), tone(200 + 50 * index));
    lines.push(`u${index},u${index}.wav,${index % 2 ? "calm" : "angry"},kids are ${index},${side}`);
  });
  writeFileSync(join(clips, "clips.csv"), lines.join("\n"));
  const heard = join(clips, "heard.safetensors");
  mctHfr("corpus", "extract", join(clips, "clips.csv"), "--from", "table", "--out", heard);
  const run = join(clips, "run");
  mctHfr(
    ...["train", "--corpus", heard, "--out", run, "--preset", "demo", "--epochs", "2", "--device", "flex"],
    ...["model.d=8", "model.heads=2", "training.protocol=file"].flatMap((own) => ["--set", own]),
  );
  mctHfr("weights", "export", run, "--out", join(folder, "heard-model.safetensors"));
  writeFileSync(join(folder, "tone.wav"), tone(440));
  const said = "kids are talking";
  const words = ["predict", run, join(folder, "tone.wav"), "--transcript", said, "--device", "flex", "--json"];
  const predicted = JSON.parse(mctHfr(...words)).utterances[0].probabilities;
  await inBrowser([], "?device=flex&open=./heard-model.safetensors&open=./tone.wav", async (page) => {
    const own = await until(page, "the recording", (own) => own.recording && own.combinations);
    assert.equal(own.corpus.title, "tone.wav");
    assert.equal(own.recording.samples, 16_000);
    assert.ok(page.workers().some((worker) => worker.url().endsWith("extractor.js")));
    // What is said can be typed.
    await press(page, "transcript");
    await page.keyboard.type(said);
    await page.keyboard.press("Enter");
    const typed = await until(page, "its words", (own) => own.recording?.words[1].length === 3 && own.combinations?.length === 3);
    const found = typed.combinations[0].outputs;
    found.forEach((value, place) => {
      assert.ok(Math.abs(value - predicted[place]) < 1e-4, `${found}, ${predicted}`);
    });
    await press(page, "play");
    await until(page, "the sound", (own) => own.recording.playing && own.recording.position > 0.1);
    await picture(page, "recording");
    await until(page, "its end", (own) => !own.recording.playing, 30);
    // A video, by the browser's own decoder.
    const video = join(clips, "clip.mp4");
    execFileSync("ffmpeg", [
      ...["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=300"],
      ...["-t", "2", "-pix_fmt", "yuv420p", video],
    ]);
    await drop(page, [["clip.mp4", readFileSync(video)], ["clip.txt", Buffer.from(said)]]);
    const seen = await until(page, "the video", (own) => own.corpus.title === "clip.mp4" && own.recording && own.combinations);
    assert.equal(seen.recording.pictures, 10);
    assert.deepEqual(seen.recording.words[1], said.split(" "));
    assert.ok(Math.abs(seen.recording.samples - 32_000) < 1600, `${seen.recording.samples} samples`);
    await picture(page, "video");
    assert.deepEqual(page.errors, []);
  });
});

/** Trains a tiny model on the tiny corpus, to the end or for some epochs, and takes its best weights to the
 * command line. */
async function trainAndTakeAway(page, seconds, { epochs } = {}) {
  await until(page, "the matrix", evaluated, seconds);
  await press(page, "tab training");
  await until(page, "the button", (own) => own.controls["start training"]);
  await press(page, "start training");
  const begun = await until(page, "losses", (own) => own.training.losses.length >= 6, seconds);
  const totals = begun.training.losses.map((own) => own.terms.classification);
  assert.ok(totals.at(-1) < totals[0], `the loss falls: ${totals}`);
  if (epochs) {
    await until(page, "epochs", (own) => own.training.epochs >= epochs, seconds);
    await press(page, "stop training");
  }
  await until(page, "the trained model", (own) => own.training.phase === "ended" && own.models.length === 2, seconds);
  const own = await state(page);
  assert.equal(own.training.problem, null);
  await picture(page, "training");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    press(page, "save best.safetensors"),
  ]);
  const file = join(folder, `best-${own.device.name}.safetensors`);
  await download.saveAs(file);
  // The trained model is shown in place of the first.
  await press(page, `show ${own.models[1]}`);
  const shown = await until(page, "its matrix", (own) => {
    return own.shown.name === own.models[1] && evaluated(own) && own.shown.curve_ua.length === 10;
  }, seconds);
  const words = ["evaluate", file, "--corpus", corpus, "--device", "flex", "--mask-draws", "1", "--json"];
  const { ua } = JSON.parse(mctHfr(...words));
  shown.shown.curve_ua.forEach(([rate, value], place) => {
    assert.ok(Math.abs(value - ua[place]) < 1e-4, `at ${rate}: ${value}, ${ua[place]}`);
  });
}

const TINY = [
  ...["?open=./tiny.safetensors", "open=./tiny-model.safetensors", "set=training.epochs=6"],
  ...["set=model.d=8", "set=model.heads=2", "set=model.layers=1", "set=training.batch_size=8"],
  "set=training.strategy=complete",
].join("&");

/** What a worker starts with here: it keeps its devices, so that they can be lost. */
const KEEP_DEVICES = `
  const devices = [];
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...words) {
    const device = await request.apply(this, words);
    devices.push(device);
    return device;
  };
  self.loseDevices = () => devices.map((device) => device.destroy()).length;
`;

/** Loses the devices in the middle of a training: the page says so, and goes on from the last checkpoint. */
async function loseDevices(page) {
  await press(page, "tab training");
  await until(page, "the button", (own) => own.controls["resume training"]);
  const stopped = await state(page);
  await press(page, "resume training");
  const epochs = (own) => own.training.epochs;
  const before = await until(page, "another epoch", (own) => epochs(own) > epochs(stopped), 300);
  let lost = 0;
  for (const worker of page.workers()) lost += await worker.evaluate(() => self.loseDevices());
  assert.equal(lost, 2, "evaluation and training have a device each");
  const dead = (own, name) => own.dead.some(({ pipeline }) => pipeline === name);
  // Training finds it at its next step, evaluation at its next answer.
  const news = await until(page, "the news of training", (own) => dead(own, "training"));
  assert.equal(news.training.phase, "failed");
  await slide(page, "missing rate", 0.9);
  await until(page, "the news of evaluation", (own) => dead(own, "evaluation"));
  await picture(page, "lost-device");
  await press(page, "restart evaluation");
  await press(page, "restart training");
  const again = (own) => own.dead.length === 0 && epochs(own) > epochs(before) && evaluated(own);
  const after = await until(page, "both again", again, 600);
  assert.equal(after.training.phase, "running");
  assert.equal(after.device.name, "webgpu");
}

test("a model trains on WebGPU as the command line has it, and goes on when the device is lost", async () => {
  const browser = await launch(WEBGPU);
  try {
    const context = await browser.newContext({ acceptDownloads: true });
    await context.route("**/worker.js", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: KEEP_DEVICES + (await answer.text()) });
    });
    const page = await open(context, `${server.address}${TINY}&device=webgpu&set=training.epochs=1000`);
    const own = await until(page, "the device", (own) => own.device, 600);
    assert.equal(own.device.name, "webgpu", JSON.stringify(own.device));
    assert.equal(own.device.warning, null);
    await trainAndTakeAway(page, 900, { epochs: 2 });
    await loseDevices(page);
    assert.deepEqual(page.errors, []);
  } finally {
    await browser.close();
  }
});

test("without WebGPU it says so, and trains on the processor", async () => {
  await inBrowser(NO_WEBGPU, TINY, async (page) => {
    const note = page.locator("#note");
    await note.waitFor({ state: "visible", timeout: 60_000 });
    assert.match(await note.textContent(), /WebGPU/);
    const own = await until(page, "the device", (own) => own.device);
    assert.equal(own.device.name, "flex");
    await trainAndTakeAway(page, 240);
    assert.deepEqual(page.errors, []);
  });
});

test("a validation on the processor is stopped, and done anew by the resumed run", async () => {
  const set = ["training.select=auilc", "training.strategy=complete", "training.epochs=2"];
  const query = `?device=flex&${set.map((own) => `set=${own}`).join("&")}`;
  await inBrowser(NO_WEBGPU, query, async (page) => {
    await until(page, "the matrix", evaluated);
    await press(page, "tab training");
    await until(page, "the button", (own) => own.controls["start training"]);
    await press(page, "start training");
    const all = ({ training }) => training.step > 0 && training.step === training.steps_an_epoch;
    await until(page, "the last step of the first epoch", all, 300);
    // Ten rates of the validation set take seconds.
    await press(page, "stop training");
    const stopped = await until(page, "the end", (own) => own.training.phase === "ended", 300);
    assert.equal(stopped.training.epochs, 0);
    await press(page, "resume training");
    const again = await until(page, "its validation", (own) => own.training.epochs === 1, 300);
    assert.ok(again.training.validation.ua > 0, JSON.stringify(again.training.validation));
    assert.deepEqual(page.errors, []);
  });
});

test("a worker that broke is started again with what was open", async () => {
  await inBrowser([], `${TINY}&device=flex`, async (page) => {
    await until(page, "the matrix", evaluated);
    const worker = page.workers().find((own) => own.url().endsWith("worker.js"));
    assert.ok(worker);
    for (const own of page.workers()) {
      await own.evaluate(() => setTimeout(() => { throw new Error("the device was lost"); }));
    }
    const broken = await until(page, "the news", (own) => own.dead.length === 3);
    assert.match(broken.dead[0].text, /the device was lost/);
    await press(page, "restart evaluation");
    const again = (own) => evaluated(own) && own.dead.every((d) => d.pipeline !== "evaluation");
    await until(page, "the matrix again", again);
    await slide(page, "missing rate", 0.9);
    await until(page, "an answer of the new worker", (own) => own.missing.rate > 0.8 && evaluated(own));
  });
});

test("a lost drawing surface is said, with a way to start again", async () => {
  await inBrowser([], `${TINY}&device=flex`, async (page) => {
    await until(page, "the matrix", evaluated);
    const lose = () => document.getElementById("canvas").getContext("webgl2").getExtension("WEBGL_lose_context").loseContext();
    await page.evaluate(lose);
    const message = page.locator("#message");
    await message.waitFor({ state: "visible" });
    assert.match(await message.textContent(), /lost the graphics/);
    await page.locator("#again").click();
    await page.waitForTimeout(500);
    await until(page, "the matrix again", evaluated);
  });
});

/** The accessibility tree: role and name of every node that a screen reader would come by. */
async function heard(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  return nodes
    .filter((node) => !node.ignored)
    .map((node) => [node.role?.value, node.name?.value ?? "", node.value?.value]);
}

test("a screen reader finds the controls, the scores, the matrix and the utterances", async () => {
  await inBrowser([], `${TINY}&device=flex`, async (page) => {
    const own = await until(page, "the matrix", evaluated);
    const caption = page.getByRole("table", { name: /Confusion matrix/ });
    await caption.waitFor();
    const nodes = await heard(page);
    const has = (role, name) => assert.ok(nodes.some((node) => node[0] === role && name.test(node[1])), `${role} ${name}: ${JSON.stringify(nodes).slice(0, 3000)}`);
    has("slider", /Missing rate/);
    has("checkbox", /audio/);
    has("combobox", /Side/);
    has("button", /Train/);
    has("rowheader", /^UA$/);
    has("columnheader", new RegExp(own.shown.evaluated.categories[1]));
    has("table", /Utterances of the side/);
    const cells = await caption.locator("tbody tr").allTextContents();
    assert.equal(cells.length, 4);
    const counts = own.shown.evaluated.confusion[0].join("");
    assert.equal(cells[0], own.shown.evaluated.categories[0] + counts);
    // The controls drive the window, by keys alone.
    await page.keyboard.press("F6");
    await page.keyboard.press("End");
    await until(page, "the rate", (own) => own.missing.rate === 1 && own.shown.evaluated.current);
    await picture(page, "by-keys");
    await page.getByRole("checkbox", { name: "audio" }).press("Space");
    await until(page, "no audio", (own) => !own.missing.modalities[0].there);
    await page.getByRole("combobox", { name: "Side" }).selectOption("training");
    await until(page, "the side", (own) => own.side === "training" && own.shown.evaluated.current);
    await page.getByText(/training side, missing rate 1.00|training side, no/).first().waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Train" }).press("Enter");
    await until(page, "the training", (own) => own.training.losses.length > 0);
    assert.deepEqual(page.errors, []);
  });
});

test("the address follows what is shown, and Back goes back", async () => {
  await inBrowser([], `${TINY}&device=flex&rate=0.3&own=text:0.80&burst=4&side=validation`, async (page) => {
    const own = await until(page, "the conditions of the address", (own) => own.side === "validation" && own.shown?.evaluated?.current);
    assert.deepEqual(own.missing.rates.map((rate) => rate.toFixed(2)), ["0.30", "0.30", "0.80"]);
    assert.match(own.shown.evaluated.holds, /bursts of 4 steps/);
    await page.getByRole("combobox", { name: "Side" }).selectOption("training");
    await page.waitForURL(/side=training/);
    assert.match(page.url(), /rate=0.30.*own=text%3A0.80.*burst=4/);
    assert.match(page.url(), /open=/);
    await page.goBack();
    await until(page, "the side before", (own) => own.side === "validation");
    // A view is a place to go back from, too.
    await press(page, "tab slices");
    await page.waitForURL(/view=slices/);
    const copied = page.url();
    await page.goBack();
    await until(page, "the views before", (own) => own.conditions.views.length === 0);
    await page.goto(copied);
    await until(page, "the same again", (own) => {
      return own.side === "validation" && own.missing.rates?.[2] === 0.8 && own.conditions.views.includes("slices");
    });
    // A slider's way is no place: it is written where it rests, and is no step back.
    const [places, early] = await page.evaluate(async () => {
      const input = document.querySelector('#spoken input[type="range"]');
      const before = history.length;
      // A busy machine may draw nothing for a while: what the window was seen with counts, not the turns.
      const looks = [];
      const early = [];
      const { replaceState } = history;
      history.replaceState = (...words) => {
        const rate = Number(new URL(words[2]).searchParams.get("rate"));
        const other = looks.findLast((look) => Math.abs(look.rate - rate) > 0.001);
        if (other && performance.now() - other.at < 900) early.push(rate);
        replaceState.apply(history, words);
      };
      for (let turn = 0; turn <= 40; turn++) {
        input.value = turn / 100;
        input.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((resolve) => setTimeout(resolve, 100));
        looks.push({ rate: window.mctHfr.state().missing.rate, at: performance.now() });
      }
      history.replaceState = replaceState;
      return [history.length - before, early];
    });
    assert.deepEqual([places, early], [0, []]);
    await page.waitForURL(/rate=0\.40/);
  });
});

test("a model of the address that opens late is no step", async () => {
  copyFileSync(join(folder, "tiny-model.safetensors"), join(folder, "late-model.safetensors"));
  const browser = await launch([]);
  try {
    const context = await browser.newContext();
    let opens;
    const late = new Promise((resolve) => (opens = resolve));
    await context.route("**/late-model.safetensors", (route) => late.then(() => route.continue()));
    const models = "open=./tiny-model.safetensors&open=./late-model.safetensors&compare=late-model.safetensors";
    const page = await open(context, `${server.address}?device=flex&open=./tiny.safetensors&${models}`);
    await until(page, "the first model", (own) => own.models.length === 1 && own.settled);
    await page.waitForTimeout(1500);
    const places = await page.evaluate(() => history.length);
    opens();
    const own = await until(page, "the second model", (own) => own.compared && own.settled);
    assert.equal(own.compared.name, "late-model.safetensors");
    await page.waitForTimeout(2500);
    assert.equal(await page.evaluate(() => history.length), places);
    assert.match(page.url(), /compare=late-model\.safetensors/);
    assert.equal((await state(page)).compared.name, "late-model.safetensors");
  } finally {
    await browser.close();
  }
});

test("files are chosen in the browser's dialog", async () => {
  await inBrowser([], `${TINY}&device=flex`, async (page) => {
    await until(page, "the matrix", evaluated);
    const [dialog] = await Promise.all([page.waitForEvent("filechooser"), press(page, "open files")]);
    assert.equal(dialog.isMultiple(), true);
    await dialog.setFiles(join(folder, "corrupt.safetensors"));
    const own = await until(page, "the refusal", (own) => own.notices.some((n) => n.kind === "error"));
    assert.match(own.notices[0].text, /corrupt\.safetensors/);
    assert.deepEqual(page.errors, []);
  });
});

test("addresses that fit nothing are answered in words", async () => {
  await inBrowser([], "?device=nonsense", async (page) => {
    await page.getByText("?device=nonsense: expected one of auto, webgpu, flex").waitFor();
  });
  await inBrowser(NO_WEBGPU, "?device=webgpu", async (page) => {
    await page.getByText(/\?device=webgpu: .*WebGPU/).waitFor();
  });
  await inBrowser([], "?device=flex&set=foo=bar", async (page) => {
    const own = await until(page, "the refusal", (own) => own.notices.some((n) => n.kind === "error"));
    assert.match(own.notices[0].text, /foo/);
  });
});

test("where a training is not kept, the page says so", async () => {
  const elsewhere = ["--host-resolver-rules=MAP mct-hfr.test 127.0.0.1"];
  const browser = await launch(elsewhere);
  try {
    const context = await browser.newContext();
    const insecure = server.address.replace("127.0.0.1", "mct-hfr.test");
    const page = await open(context, `${insecure}${TINY}`);
    const own = await until(page, "the matrix", evaluated);
    assert.match(own.training.not_kept, /not secure/);
    assert.match(await page.locator("#note").textContent(), /not secure/);
    await picture(page, "insecure");
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator("#note").waitFor({ state: "hidden" });
    // Of two pages of one address the first keeps its training.
    const address = `${server.address}${TINY}&device=flex&set=training.epochs=500`;
    const first = await open(context, address);
    await until(first, "the matrix", evaluated);
    assert.equal((await state(first)).training.not_kept, null);
    await press(first, "tab training");
    await until(first, "the button", (own) => own.controls["start training"]);
    await press(first, "start training");
    await until(first, "an epoch", (own) => own.training.epochs >= 1);
    const second = await open(context, address);
    const also = await until(second, "the matrix", evaluated);
    assert.match(also.training.not_kept, /another page/);
    assert.equal(also.training.unfinished, null);
    await first.close();
    await second.reload();
    const offered = await until(second, "the offer", (own) => own.training.unfinished);
    assert.equal(offered.training.not_kept, null);
    assert.ok(offered.notices.some((n) => /was not finished/.test(n.text)));
  } finally {
    await browser.close();
  }
});

test("a training that was cut off by a closed page goes on in the next", async () => {
  await inBrowser([], `${TINY}&device=flex&set=training.epochs=200`, async (page, context) => {
    await until(page, "the matrix", evaluated);
    await press(page, "tab training");
    await until(page, "the button", (own) => own.controls["start training"]);
    await press(page, "start training");
    await until(page, "two epochs", (own) => own.training.epochs >= 2);
    await page.close();
    const next = await open(context, `${server.address}${TINY}&device=flex`);
    await until(next, "the matrix", evaluated);
    await press(next, "tab training");
    await until(next, "the offer", (own) => own.training.unfinished && own.controls["resume unfinished"]);
    await press(next, "resume unfinished");
    const on = await until(next, "its further steps", (own) => own.training.losses.length > 0);
    assert.ok(on.training.epoch >= 1, `goes on from epoch ${on.training.epoch}`);
    assert.ok(on.training.epochs >= 1, "the epochs before are known");
  });
});
