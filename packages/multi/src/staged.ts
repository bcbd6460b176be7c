import { type DriverBody, type DriverWriteOptions, type ObjectInfo, type StagedWrite, stageHeld } from "@omni/core";

type Write = (body: DriverBody, options: DriverWriteOptions) => Promise<ObjectInfo>;

/**
 * Holds a write of a group back. A small body is held whole, so that its version is chosen when it is committed and the last commit wins; one that is
 * larger is on its way to the members, under the version that it had when it was staged.
 *
 * @param smallBytes the most that is held whole
 */
export async function stageInGroup(
  write: Write,
  body: DriverBody,
  options: DriverWriteOptions,
  smallBytes: number,
): Promise<StagedWrite> {
  if (body instanceof Uint8Array) return stageHeld(write, body, options);
  const source = body[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let bytes = 0;
  while (bytes <= smallBytes) {
    const step = await source.next();
    if (step.done) return stageHeld(write, Buffer.concat(head), options);
    head.push(step.value);
    bytes += step.value.byteLength;
  }
  return stageHeld(write, joined(head, source), options);
}

async function* joined(head: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    for (let chunk = head.shift(); chunk; chunk = head.shift()) yield chunk;
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value;
  } finally {
    await rest.return?.();
  }
}
