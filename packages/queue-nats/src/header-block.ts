const FIRST_LINE = "NATS/1.0\r\n";
const encoder = new TextEncoder();

/** Headers as they stand before the body; names and values hold no line breaks (https://docs.nats.io/reference/reference-protocols/nats-protocol). */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Uint8Array {
  let block = FIRST_LINE;
  for (const name in headers) block += `${name}: ${headers[name]}\r\n`;
  return encoder.encode(`${block}\r\n`);
}

/** Bytes of {@link encodeHeaders}. */
export function headerBytes(headers: Readonly<Record<string, string>>): number {
  let bytes = FIRST_LINE.length + 2;
  for (const name in headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] as string) + 4;
  return bytes;
}

/** Headers of a block as it came; of several values of one name the first counts. Never throws: a foreign producer may write what it likes. */
export function decodeHeaders(block: Uint8Array): Record<string, string> {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString("utf8");
  const record: Record<string, string> = {};
  for (let start = text.indexOf("\r\n") + 2; start > 1; ) {
    const end = text.indexOf("\r\n", start);
    const line = end < 0 ? text.length : end;
    const colon = text.indexOf(":", start);
    if (colon > start && colon < line) addFirst(record, text.slice(start, colon), text.slice(colon + 1, line).trim());
    start = end < 0 ? 0 : end + 2;
  }
  return record;
}

function addFirst(record: Record<string, string>, name: string, value: string): void {
  if (name === "__proto__") Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else if (!Object.hasOwn(record, name)) record[name] = value;
}
