// The load generator itself, told by messages of the process that measures.
import autocannon from "autocannon";
import type { LoadOrder, LoadReport } from "./http-load.ts";
import { type Answered, pace } from "./paced-requests.ts";

/** As fast as they are answered: each connection sends the next request when it has the answer to the last. */
async function saturate({ url, requests, connections, body }: LoadOrder): Promise<readonly Answered[]> {
  const answers: Answered[] = [];
  const headers = { "content-type": "application/json" };
  const ended = Promise.withResolvers<void>();
  const options = { url, method: "POST", headers, body, amount: requests, connections, timeout: 30 } as const;
  const load = autocannon(options, (error: unknown) => (error ? ended.reject(error) : ended.resolve()));
  load.on("response", (_client, status, _bytes, milliseconds) => {
    answers.push({ status, milliseconds });
    // autocannon itself ends at the next whole second after it began. Where there are fewer answers than requests, that is waited for.
    if (answers.length === requests) ended.resolve();
  });
  await ended.promise;
  return answers;
}

async function run(order: LoadOrder): Promise<LoadReport> {
  const { perSecond } = order;
  const answers = await (perSecond === null ? saturate(order) : pace({ ...order, perSecond }));
  const accepted = answers.filter(({ status }) => status === 202).length;
  // autocannon's own percentiles leave the 95th out.
  const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const percentile = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
  return { accepted, others: order.requests - accepted, p50Ms: percentile(0.5), p95Ms: percentile(0.95) };
}

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
