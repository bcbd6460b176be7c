import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pace } from "../peers/paced-requests.ts";

const heldMs = 100;
const order = { requests: 20, connections: 1, body: "{}", perSecond: 1000 };
let server: Server;

async function listening(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
afterEach(() => new Promise((resolve) => server.close(resolve)));

test("the time of a request runs from when it was due, so that one slow answer shows in all that waited behind it", async () => {
  let held = false;
  const url = await listening((_, response) => {
    const answer = (): void => void response.writeHead(202).end();
    if (held) return answer();
    held = true;
    setTimeout(answer, heldMs);
  });
  const answers = await pace({ ...order, url });
  expect(answers.map(({ status }) => status)).toEqual(Array(order.requests).fill(202));
  // One is due each millisecond. A timer of Node may fire a millisecond early.
  for (const [at, { milliseconds }] of answers.entries()) expect(milliseconds).toBeGreaterThanOrEqual(heldMs - at - 1);
});

test("none is sent before it is due", async () => {
  const begin = performance.now();
  const sent: number[] = [];
  const url = await listening((_, response) => {
    sent.push(performance.now() - begin);
    response.end();
  });
  await pace({ ...order, connections: 20, perSecond: 500, url });
  expect(sent).toHaveLength(order.requests);
  for (const [at, milliseconds] of sent.entries()) expect(milliseconds).toBeGreaterThanOrEqual(at * 2);
});

test("what is never answered is counted as such", async () => {
  const url = await listening((_, response) => void response.destroy());
  const answers = await pace({ ...order, requests: 3, url });
  expect(answers.map(({ status }) => status)).toEqual([0, 0, 0]);
});
