// The page of the examples. What differs between them is told by GET /about; a picture goes to the path named there.
const get = (id) => document.getElementById(id);
const main = get("main"),
  drop = get("drop"),
  status = get("status"),
  clock = get("clock"),
  progress = get("progress");
const result = get("result"),
  picture = get("picture"),
  boxes = get("boxes"),
  items = get("items"),
  times = get("times");
const largestSide = 1600;
const largestFile = 64 * 2 ** 20;
/** Counts the pictures, so that an answer which comes late is left out; and ends the request that is under way. */
let current = 0;
let end = () => {};

const about = fetch("about").then((answer) =>
  answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText)),
);

class Problem extends Error {}

function say(state, text) {
  main.dataset.state = state;
  main.setAttribute("aria-busy", String(state === "busy"));
  status.textContent = text;
  if (state !== "busy") {
    progress.hidden = true;
    clock.textContent = "";
  }
}

/** Sends small PNG and JPEG files as they are; others are redrawn, since a board is slow and reads few types. */
async function prepare(source) {
  const name = source.name || "This file";
  const isHeic = /^image\/hei[cf]/.test(source.type) || /\.hei[cf]$/i.test(name);
  if (source.size === 0) throw new Problem(`${name} is empty.`);
  if (source.size > largestFile)
    throw new Problem(
      `${name} is too large: ${megabytes(source.size)}. Send a picture of at most ${megabytes(largestFile)}.`,
    );
  const bitmap = await createImageBitmap(source).catch(() => {
    if (isHeic)
      throw new Problem(
        "This browser cannot open HEIC pictures. Send a JPEG or PNG: an iPhone takes JPEGs with Settings > Camera > Formats > Most Compatible.",
      );
    throw new Problem(`${name} is not a picture that this browser can open. Send a JPEG, PNG or WebP.`);
  });
  const scale = Math.min(1, largestSide / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && ["image/png", "image/jpeg"].includes(source.type)) return source;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

async function show(blob) {
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(blob);
  result.hidden = false;
  await picture.decode();
  boxes.setAttribute("viewBox", `0 0 ${picture.naturalWidth} ${picture.naturalHeight}`);
}

/** Posts a picture. XMLHttpRequest, since fetch tells nothing of what was sent so far. Gives the answer and when the last byte had left. */
function post(path, blob, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    end = () => request.abort();
    let left = performance.now();
    request.open("POST", path);
    request.setRequestHeader("content-type", blob.type);
    request.upload.onprogress = ({ loaded, total }) => sent(loaded / total);
    request.upload.onload = () => {
      left = performance.now();
      sent(1);
    };
    request.onerror = () => reject(new Problem("The board does not answer. Is it on, and in the same network?"));
    request.onload = () => {
      let answer;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = { error: request.statusText };
      }
      if (request.status === 200) resolve({ answer, left });
      else if (request.status === 503)
        reject(new Problem("The board is busy with other pictures. Try again in a few seconds."));
      else if (request.status === 413) reject(new Problem(`The picture is too large for the board: ${answer.error}.`));
      else reject(new Problem(`The board says: ${answer.error}`));
    };
    request.send(blob);
  });
}

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const megabytes = (bytes) =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (score) => `${Math.round(score * 100)} %`;

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** One list entry for each thing that was found, and, where it has corners, a frame with a label in the picture. */
function draw(found) {
  for (const { text, score, box } of found) {
    const item = document.createElement("li");
    const words = document.createElement("b");
    words.textContent = text;
    const note = document.createElement("span");
    note.textContent = percent(score);
    const bar = document.createElement("i");
    bar.style.backgroundSize = `${Math.round(score * 100)}% 100%`;
    item.append(words, note, bar);
    items.append(item);
    if (box === undefined) continue;
    const points = box.map((point) => point.join(",")).join(" ");
    const group = svg("g", {});
    const label = text.length > 28 ? `${text.slice(0, 27)}…` : text;
    group.append(
      svg("polygon", { points, class: "edge" }),
      svg("polygon", { points }),
      svg("rect", {}),
      svg("text", {}, label),
    );
    boxes.append(group);
    const light = (on) => () => {
      for (const one of [group, item]) one.classList.toggle("on", on);
    };
    item.addEventListener("pointerenter", light(true));
    item.addEventListener("pointerleave", light(false));
  }
  get("switch").hidden = boxes.childElementCount === 0;
  placeLabels();
}

/** Labels keep their size on the screen, whatever the picture's; so they are placed anew when the window changes. */
function placeLabels() {
  const { naturalWidth: width, clientWidth } = picture;
  const unit = clientWidth === 0 ? 1 : width / clientWidth;
  for (const group of boxes.children) {
    const [, frame, back, text] = group.children;
    const corners = frame
      .getAttribute("points")
      .split(" ")
      .map((point) => point.split(",").map(Number));
    text.setAttribute("font-size", 12 * unit);
    const wide = text.getComputedTextLength() + 8 * unit;
    const high = 17 * unit;
    const x = Math.max(0, Math.min(Math.min(...corners.map(([left]) => left)), width - wide));
    const top = Math.min(...corners.map(([, above]) => above));
    const y = top >= high ? top - high : Math.max(...corners.map(([, below]) => below));
    for (const [key, value] of Object.entries({ x, y, width: wide, height: high, rx: 3 * unit }))
      back.setAttribute(key, value);
    text.setAttribute("x", x + 4 * unit);
    text.setAttribute("y", y + 12.5 * unit);
  }
}
new ResizeObserver(placeLabels).observe(picture);
get("labels").addEventListener("change", ({ target }) => boxes.classList.toggle("bare", !target.checked));

/** The whole way of one picture. */
async function send(source, sample) {
  const mine = ++current;
  end();
  for (const button of get("samples").querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button === sample));
  for (const part of [boxes, items, times]) part.replaceChildren();
  get("switch").hidden = true;
  result.hidden = true;
  const start = performance.now();
  say("busy", "Preparing …");
  progress.hidden = false;
  progress.removeAttribute("value");
  const ticking = setInterval(() => {
    if (mine === current) clock.textContent = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  }, 100);
  try {
    const [device, file] = await Promise.all([about, source]);
    const blob = await prepare(file);
    if (mine !== current) return;
    await show(blob);
    if (mine !== current) return;
    say("busy", "Sending …");
    const begun = performance.now();
    const { answer, left } = await post(device.action, blob, (part) => {
      if (mine !== current) return;
      if (part < 1) progress.value = part;
      else {
        progress.removeAttribute("value");
        say("busy", "The board computes …");
      }
    });
    if (mine !== current) return;
    const found = answer[device.results];
    draw(found);
    const [none, one, many] = device.counts;
    const count = found.length === 0 ? none : found.length === 1 ? `1 ${one}` : `${found.length} ${many}`;
    say("done", `${answer.headline ?? count} in ${seconds(answer.ms)}`);
    times.textContent = `${seconds(answer.ms)} on the board, ${seconds(left - begun)} to send ${megabytes(blob.size)}, ${seconds(performance.now() - start)} in all.`;
  } catch (error) {
    if (mine === current)
      say(
        "failed",
        error instanceof Problem ? error.message : "The board does not answer. Is it on, and in the same network?",
      );
  } finally {
    clearInterval(ticking);
  }
}

function describe(device) {
  document.title = device.title;
  get("title").textContent = device.title;
  get("summary").textContent = device.summary;
  items.setAttribute("aria-label", device.itemsLabel);
  const facts = [
    ["Board", device.board],
    ["Engine", `${device.engine.name} ${device.engine.version}`],
    ...device.models.map(({ name, what }) => ["Model", `${name}: ${what}`]),
  ];
  for (const [term, text] of facts) {
    const row = document.createElement("div");
    row.append(
      ...[
        ["dt", term],
        ["dd", text],
      ].map(([tag, words]) => Object.assign(document.createElement(tag), { textContent: words })),
    );
    get("facts").append(row);
  }
  for (const name of device.samples) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.setAttribute("aria-pressed", "false");
    const src = `samples/${encodeURIComponent(name)}`;
    button.append(Object.assign(document.createElement("img"), { src, alt: `Sample ${name}` }));
    button.addEventListener("click", () => {
      const file = fetch(src).then(async (answer) => {
        if (!answer.ok) throw new Error(answer.statusText);
        return answer.blob();
      });
      send(file, button);
    });
    const entry = document.createElement("li");
    entry.append(button);
    get("samples").append(entry);
  }
  get("tries").hidden = device.samples.length === 0;
}

const sendFirst = (transfer) => {
  const [first] = transfer?.files ?? [];
  if (first !== undefined) send(first);
};
for (const input of [get("file"), get("camera")]) {
  input.addEventListener("change", () => {
    sendFirst(input);
    // So that the same file can be chosen again.
    input.value = "";
  });
}
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  sendFirst(event.dataTransfer);
});
addEventListener("paste", (event) => sendFirst(event.clipboardData));
about.then(describe, () => say("failed", "The board does not answer. Is it on, and in the same network?"));
