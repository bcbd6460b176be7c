// Requests at an even pace, whatever the answers take: an open load. autocannon's `overallRate` is none: it sends what a second may have at the
// second's start, as fast as answers come, and its correction for coordinated omission reckons with 1 ms between requests whatever the rate.
import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

export interface PacedOrder {
  readonly url: string;
  readonly requests: number;
  /** The most connections; what is due while all of them wait for an answer waits too, and its time runs. */
  readonly connections: number;
  readonly body: string;
  readonly perSecond: number;
}

/** What became of one request. */
export interface Answered {
  /** 0: there was no answer. */
  readonly status: number;
  /** From the moment when the request was due to the end of its answer. */
  readonly milliseconds: number;
}

const timeoutMs = 30_000;

/**
 * Posts at even intervals. A request's time begins when it was due, not when it was sent: what waits because earlier ones were slow, for a
 * connection or for this process, counts its wait. None is left out and none is made up. Timers tick in milliseconds, so that up to about
 * one of them may be the load's own.
 */
export async function pace({ url, requests, connections, body, perSecond }: PacedOrder): Promise<readonly Answered[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const begin = performance.now();
  const answers: Promise<Answered>[] = [];
  for (let at = 0; at < requests; at += 1) {
    const due = begin + (at * 1000) / perSecond;
    for (let now = performance.now(); now < due; now = performance.now()) await wait(Math.ceil(due - now));
    answers.push(post(url, agent, body).then((status) => ({ status, milliseconds: performance.now() - due })));
  }
  const answered = await Promise.all(answers);
  agent.destroy();
  return answered;
}

/** The status of the answer, when all of it is there. */
function post(url: string, agent: Agent, body: string): Promise<number> {
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const sent = request(url, { agent, method: "POST", headers, timeout: timeoutMs }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode ?? 0)).once("close", () => resolve(0));
    });
    // No answer is an outcome of the load, counted as such; the caller compares the counts.
    sent.once("error", () => resolve(0)).once("timeout", () => sent.destroy());
    sent.end(body);
  });
}
