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
