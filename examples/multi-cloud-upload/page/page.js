// Puts the page together: files come in by dropping and choosing, news by server-sent events.
import { allFiles, remove, show, showAll, showFailure, showMove, titleOf } from "./table.js";
import { ask, upload } from "./upload.js";
import { files as countOf, element, say, size } from "./words.js";

/** Uploads at once; the others wait. */
const AT_ONCE = 3;

const list = document.getElementById("upload-list");
const waiting = [];
let running = 0;
let clouds = [];

function add(chosen) {
  const region = new FormData(document.getElementById("drop")).get("region");
  for (const file of chosen) waiting.push(lineOf(file, region));
  next();
}

function next() {
  document.getElementById("uploads").hidden = list.childElementCount === 0;
  while (running < AT_ONCE && waiting.length > 0) void start(waiting.shift());
}

/** A line in the list of uploads, with everything that changes in it. */
function lineOf(file, region) {
  const giveUp = new AbortController();
  const state = element("span", { class: "meta" }, `waits, ${size(file.size)}`);
  const bar = element("progress", { "aria-label": `Uploading ${file.name}`, max: "100", value: "0" });
  const cancel = element("button", { class: "button plain", type: "button", "aria-label": `Cancel ${file.name}` }, "Cancel");
  const made = element(
    "li",
    {},
    element("span", { class: "name" }, file.name),
    element("div", { class: "actions" }, cancel),
    state,
    bar,
  );
  const line = { file, region, giveUp, state, bar, cancel, element: made };
  cancel.addEventListener("click", () => {
    giveUp.abort(new Error("cancelled"));
    if (waiting.includes(line)) waiting.splice(waiting.indexOf(line), 1);
    leave(line);
  });
  list.append(made);
  return line;
}

async function start(line) {
  const { file, region, giveUp, state, bar } = line;
  running += 1;
  let where = "";
  let told = 0;
  const onProgress = (bytes) => {
    const percent = file.size === 0 ? 100 : Math.floor((100 * bytes) / file.size);
    bar.value = percent;
    state.textContent = `${where} · ${size(bytes)} of ${size(file.size)} · ${percent} %`;
    // Now and then for who hears the page, not at every percent.
    if (percent < told + 25) return;
    told = percent;
    if (percent < 100) say(`${file.name}: ${percent} % uploaded`);
  };
  const onSigned = ({ cloud, rule }) => {
    where = `${rule} → ${titleOf(cloud)}`;
    onProgress(0);
  };
  try {
    const stored = await upload(file, { region, signal: giveUp.signal, onSigned, onProgress });
    say(`${file.name} is stored in ${titleOf(stored.cloud)}`);
    leave(line);
  } catch (error) {
    if (!giveUp.signal.aborted) fail(line, error);
  }
  running -= 1;
  next();
}

function leave(line) {
  const focused = line.element.contains(document.activeElement);
  line.element.remove();
  if (focused) document.getElementById("input").focus();
  document.getElementById("uploads").hidden = list.childElementCount === 0;
}

function fail(line, error) {
  const again = element("button", { class: "button", type: "button", "aria-label": `Try ${line.file.name} again` }, "Try again");
  again.addEventListener("click", () => {
    const another = lineOf(line.file, line.region);
    line.element.replaceWith(another.element);
    another.cancel.focus();
    waiting.push(another);
    next();
  });
  line.bar.remove();
  line.state.className = "failed";
  line.state.textContent = error.message;
  line.cancel.textContent = "Dismiss";
  line.cancel.before(again);
  say(`${line.file.name} was not uploaded: ${error.message}`);
}

/** The clouds, and how much each holds. */
function showClouds() {
  const held = allFiles();
  const of = (name) => held.filter(({ cloud }) => cloud === name);
  const sum = (files) => files.reduce((bytes, file) => bytes + file.size, 0);
  document.getElementById("shares").replaceChildren(
    ...clouds
      .filter(({ name }) => of(name).length > 0)
      .map(({ name }) => {
        const share = element("span", { "data-cloud": name });
        share.style.setProperty("--share", String(Math.max(sum(of(name)), 1)));
        return share;
      }),
  );
  document
    .getElementById("clouds")
    .replaceChildren(
      ...clouds.map(({ name, title, about, scheme }) =>
        element(
          "li",
          { "data-cloud": name, class: of(name).length === 0 ? "none" : "" },
          element("span", { class: "dot" }, title),
          element("p", { class: "figure" }, size(sum(of(name)))),
          element("span", { class: "meta" }, `${countOf(of(name).length)}, ${STORES[scheme] ?? scheme}`),
          element("span", { class: "meta" }, about),
        ),
      ),
    );
}

const STORES = { file: "a folder", s3: "S3", gcs: "Google Cloud" };

/** What the events have told of files. */
let news = 0;

async function refresh() {
  let state;
  let before;
  // A list that was on its way while something was told may be older than that.
  do {
    before = news;
    state = await ask("/api/state");
  } while (news !== before);
  clouds = state.clouds;
  showAll(clouds, state.files);
  showClouds();
  showTraffic(state);
}

function showTraffic({ trafficBytes }) {
  document.getElementById("traffic").textContent = size(trafficBytes);
}

function listen() {
  const events = new EventSource("/api/events");
  const connection = document.getElementById("connection");
  // What was missed while there was no connection is in the list.
  events.onopen = () => {
    connection.textContent = "";
    refresh().catch((error) => say(error.message));
  };
  events.onerror = () => {
    connection.textContent = "The connection is lost; trying again.";
  };
  events.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === "stored") show(event.file);
    else if (event.type === "deleted") remove(event.id);
    else if (event.type === "moving") showMove(event);
    else if (event.type === "move-failed") showFailure(event);
    if (event.type === "moving") return;
    news += 1;
    showClouds();
    ask("/api/traffic").then(showTraffic, (error) => say(error.message));
  };
}

function takeDrops() {
  const page = document.documentElement;
  const isFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  // It fires for every element that is entered and left; what is left last is the page.
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (isFiles(event)) page.classList.toggle("dragging", ++depth > 0);
  });
  addEventListener("dragleave", (event) => {
    if (isFiles(event)) page.classList.toggle("dragging", --depth > 0);
  });
  addEventListener("dragover", (event) => {
    if (isFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    depth = 0;
    page.classList.remove("dragging");
    add(event.dataTransfer.files);
  });
}

const input = document.getElementById("input");
input.addEventListener("change", () => {
  add(input.files);
  // So that the same file may be chosen again.
  input.value = "";
});
document.getElementById("drop").addEventListener("submit", (event) => event.preventDefault());
takeDrops();
listen();
