import type { ReceivedMessage, WireMessage } from "@omni/core/queue";
import type { IncomingRecord, OutgoingRecord } from "./client.ts";

/** Bytes around the records of a batch: https://kafka.apache.org/documentation/#recordbatch */
export const BATCH_OVERHEAD = 61;
// Length, attributes, and the differences of time and offset, as long as they can get.
const RECORD_OVERHEAD = 5 + 1 + 10 + 5;

/** Bytes of a record in a batch, at most. */
export function sizeOfRecord(message: WireMessage): number {
  let bytes = RECORD_OVERHEAD + lengthSize(message.body.byteLength);
  bytes += message.key === undefined ? 1 : lengthSize(Buffer.byteLength(message.key));
  let headers = 0;
  for (const name in message.headers) {
    bytes += lengthSize(Buffer.byteLength(name)) + lengthSize(Buffer.byteLength(message.headers[name] as string));
    headers += 1;
  }
  return bytes + varintSize(headers);
}

/** @param time when the record is handed over: brokers delete by it, so that it must not be the time that the producer gave the message */
export function toOutgoing(message: WireMessage, time: number): OutgoingRecord {
  const { body, headers, key } = message;
  return {
    key: key === undefined ? null : Buffer.from(key),
    value: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    headers,
    timestamp: time,
  };
}

export function toReceived(partition: number, record: IncomingRecord): ReceivedMessage & { readonly timestamp: number } {
  const { headers, value, key, timestamp, offset } = record;
  return { headers, body: value, key, timestamp, position: { partition, sequence: String(offset) } };
}

function lengthSize(bytes: number): number {
  return bytes + varintSize(bytes);
}

// Zigzag: one bit is the sign.
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value * 2; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}
