// The table of where everything lives.
import { ask } from "./upload.js";
import { element, say, size } from "./words.js";

const table = document.getElementById("table");
const body = document.getElementById("rows");
const empty = document.getElementById("empty");
const dialog = document.getElementById("confirm");

/** Rows by the id of their file. */
const rows = new Map();
/** @type {{ name: string, title: string, residency: string[] }[]} */
let clouds = [];

/** Shows these files and no others. */
export function showAll(known, files) {
  clouds = known;
  const ids = new Set(files.map(({ id }) => id));
  for (const id of rows.keys()) if (!ids.has(id)) drop(id);
  for (const file of files.toReversed()) show(file, false);
  tidy();
}

/** Shows a file as it is now: a new row on top, or its own. */
export function show(file, arrived = true) {
  const known = rows.get(file.id);
  const row = makeRow(file);
  if (known?.element.contains(document.activeElement)) row.focusAfter = true;
  if (known) known.element.replaceWith(row.element);
  else body.prepend(row.element);
  rows.set(file.id, row);
  if (row.focusAfter) row.select.focus();
  if (arrived) row.element.classList.add("arrived");
  tidy();
}

/** A file was deleted. */
export function remove(id) {
  const row = rows.get(id);
  const next = row?.element.nextElementSibling ?? row?.element.previousElementSibling;
  const focused = row?.element.contains(document.activeElement);
  drop(id);
  if (focused) (next?.querySelector("a") ?? document.getElementById("files")).focus();
  tidy();
}

export function allFiles() {
  return [...rows.values()].map(({ file }) => file);
}

/** How far a move is. */
export function showMove({ id, to, bytes, totalBytes }) {
  const row = rows.get(id);
  if (!row) return;
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * bytes) / totalBytes);
  setBusy(row, true);
  row.note.replaceChildren(
    element("progress", { "aria-label": `Moving ${row.file.filename} to ${titleOf(to)}`, max: "100", value: String(percent) }),
    element("span", { class: "meta" }, `${percent} % on the way to ${titleOf(to)}`),
  );
}

/** A move did not happen. */
export function showFailure({ id, to, message }) {
  const row = rows.get(id);
  if (!row) return;
  setBusy(row, false);
  const text = `Not moved to ${titleOf(to)}: ${message}`;
  row.note.replaceChildren(element("p", { class: "alert", role: "alert" }, text));
}

export function titleOf(name) {
  return clouds.find((cloud) => cloud.name === name)?.title ?? name;
}

function drop(id) {
  rows.get(id)?.element.remove();
  rows.delete(id);
}

function tidy() {
  table.hidden = rows.size === 0;
  empty.hidden = rows.size > 0;
}

function setBusy({ button, select }, busy) {
  button.setAttribute("aria-disabled", String(busy));
  select.disabled = busy;
}

function makeRow(file) {
  const { id, filename, cloud, path, contentType, rule, residency } = file;
  const select = element("select", { "aria-label": `Where to move ${filename}` }, ...optionsFor(file));
  // The first that is allowed, where the first of all is not.
  select.value = select.querySelector("option:not(:disabled)")?.value ?? "";
  const button = element("button", { class: "button", type: "button", "aria-label": `Move ${filename}` }, "Move");
  const trash = element("button", { class: "button plain", type: "button", "aria-label": `Delete ${filename}` }, "Delete");
  const note = element("div", { class: "note" });
  const stays = residency ? `stays in ${residency.join(", ").toUpperCase()}` : "";
  const made = element(
    "tr",
    { "data-cloud": cloud },
    cell({}, element("a", { class: "name", href: `/api/files/${id}/content` }, filename), meta(contentType)),
    cell({ class: "number" }, size(file.size)),
    cell({}, element("span", { class: "dot" }, titleOf(cloud)), element("code", { title: path }, path)),
    cell({}, rule, ...(stays && rule !== "stays in Europe" ? [meta(stays)] : [])),
    cell({}, element("div", { class: "controls" }, select, button, trash), note),
  );
  const row = { file, element: made, select, button, note, focusAfter: false };
  button.addEventListener("click", () => move(row));
  trash.addEventListener("click", () => confirmDelete(file));
  return row;
}

function cell(attributes, ...children) {
  return element("td", attributes, ...children);
}

function meta(text) {
  return element("span", { class: "meta" }, text);
}

function optionsFor({ cloud, residency }) {
  const others = clouds.filter(({ name }) => name !== cloud);
  const outside = ({ residency: places }) =>
    residency && !(places.length > 0 && places.every((place) => residency.includes(place)));
  return others.map((other) =>
    element(
      "option",
      { value: other.name, disabled: Boolean(outside(other)) },
      outside(other) ? `${other.title} – outside` : other.title,
    ),
  );
}

async function move(row) {
  if (row.button.getAttribute("aria-disabled") === "true") return;
  const { file, select } = row;
  const to = select.value;
  if (to === "") return showFailure({ id: file.id, to: file.cloud, message: "no other cloud is where it has to stay" });
  try {
    setBusy(row, true);
    await ask(`/api/files/${file.id}/move`, { method: "POST", body: { to } });
    say(`Moving ${file.filename} to ${titleOf(to)}`);
  } catch (error) {
    showFailure({ id: file.id, to, message: error.message });
  }
}

/** The file that the open dialog asks about. */
let asked;

function confirmDelete(file) {
  asked = file;
  document.getElementById("confirm-text").textContent = `${file.filename}, ${size(file.size)}, in ${titleOf(file.cloud)}.`;
  dialog.showModal();
}

// At the answer itself: "close" is told later, and may be told when the dialog is open for the next question.
dialog.addEventListener("submit", ({ submitter }) => {
  if (submitter.value === "yes") void deleteFile(asked);
});

async function deleteFile({ id, filename }) {
  try {
    await ask(`/api/files/${id}`, { method: "DELETE" });
  } catch (error) {
    say(`${filename} was not deleted: ${error.message}`);
  }
}
