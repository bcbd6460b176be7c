// Elements and numbers.

/**
 * Makes an element. Text goes in as text, never as HTML.
 *
 * @param {string} tag
 * @param {Record<string, string | boolean | ((event: Event) => void)>} [attributes]
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const UNITS = ["kB", "MB", "GB", "TB"];

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1000;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** @param {number} count */
export function files(count) {
  return count === 1 ? "1 file" : `${count} files`;
}

const status = document.getElementById("status");

/** Tells who hears the page what happened. @param {string} text */
export function say(text) {
  status.textContent = text;
}
