/**
 * One Metadata request, spoken by hand, to learn whether a broker serves clients: the port of a Kafka broker opens before that.
 * Layout: Kafka protocol guide, Metadata API (key 3), version 1; no library needed for forty bytes.
 */
import { connect } from "node:net";

const metadataKey = 3;
const metadataVersion = 1;

/** True when the broker on `port` answers, within a second, that broker `node` is part of the cluster. */
export function knowsBrokers(port: number, node: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let received = Buffer.alloc(0);
    socket.setTimeout(1000, () => socket.destroy());
    socket.once("connect", () => socket.write(request()));
    socket.on("data", (data) => {
      received = Buffer.concat([received, data]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      resolve(brokers(received).includes(node));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

/** Size, api key, api version, correlation id, client id, and an empty array of topics (none asked for). */
function request(): Buffer {
  const client = Buffer.from("omni-servers");
  const body = Buffer.alloc(2 + 2 + 4 + 2 + client.length + 4);
  body.writeInt16BE(metadataKey, 0);
  body.writeInt16BE(metadataVersion, 2);
  body.writeInt32BE(1, 4);
  body.writeInt16BE(client.length, 8);
  client.copy(body, 10);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

/** The node ids in an answer: size, correlation id, then an array of { id, host, port, rack }. */
function brokers(answer: Buffer): number[] {
  const ids: number[] = [];
  let at = 8;
  const count = answer.readInt32BE(at);
  at += 4;
  for (let index = 0; index < count; index++) {
    ids.push(answer.readInt32BE(at));
    at += 4;
    at += 2 + answer.readInt16BE(at); // host
    at += 4; // port
    at += 2 + Math.max(0, answer.readInt16BE(at)); // rack, -1 when null
  }
  return ids;
}
