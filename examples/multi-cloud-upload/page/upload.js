// One upload: signed by the application, sent to the store, confirmed to the application.

/** What a browser sets itself and lets nobody set. https://fetch.spec.whatwg.org/#forbidden-request-header */
const OWN = new Set(["content-length", "host"]);

/**
 * @param {File} file
 * @param {{ region: string, signal: AbortSignal, onSigned: (signed: any) => void, onProgress: (bytes: number) => void }} options
 */
export async function upload(file, { region, signal, onSigned, onProgress }) {
  const facts = { filename: file.name, contentType: file.type, size: file.size, ...(region ? { region } : {}) };
  const signed = await ask("/api/uploads", { method: "POST", body: facts, signal });
  onSigned(signed);
  await send(signed, file, signal, onProgress);
  return ask("/api/confirm", { method: "POST", body: { ticket: signed.ticket } });
}

/**
 * Asks the application.
 *
 * @param {string} path
 * @param {{ method?: string, body?: unknown, signal?: AbortSignal }} [options]
 */
export async function ask(path, { method = "GET", body, signal } = {}) {
  const json = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, { method, ...json, ...(signal ? { signal } : {}) });
  const text = await answer.text();
  const value = text === "" ? undefined : JSON.parse(text);
  if (!answer.ok) throw new Error(value?.title ?? `the application answered ${answer.status}`);
  return value;
}

/** Sends the bytes. `fetch` does not say how far it is; XMLHttpRequest does. */
function send({ url, method, headers, fields }, file, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) if (!OWN.has(name.toLowerCase())) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onProgress(Math.min(loaded, file.size));
    request.onload = () =>
      request.status < 300 ? resolve() : reject(new Error(`the store refused it (${request.status} ${request.statusText})`.trim()));
    request.onerror = () => reject(new Error("the store cannot be reached, or does not let this page upload (CORS)"));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) return reject(signal.reason);
    request.send(fields ? formOf(fields, file) : file);
  });
}

/** A signed form: the file comes last. */
function formOf(fields, file) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return form;
}
