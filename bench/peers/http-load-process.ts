// The load generator itself: autocannon, told by messages of the process that measures.
import autocannon from "autocannon";
import type { LoadOrder, LoadReport } from "./http-load.ts";

async function run({ url, requests, connections, body }: LoadOrder): Promise<LoadReport> {
  const times: number[] = [];
  let accepted = 0;
  const headers = { "content-type": "application/json" };
  const ended = Promise.withResolvers<void>();
  const options = { url, method: "POST", headers, body, amount: requests, connections, timeout: 30 } as const;
  const load = autocannon(options, (error: unknown) => (error ? ended.reject(error) : ended.resolve()));
  load.on("response", (_client, status, _bytes, milliseconds) => {
    times.push(milliseconds);
    if (status === 202) accepted += 1;
  });
  await ended.promise;
  times.sort((a, b) => a - b);
  // autocannon's own percentiles leave the 95th out.
  return { accepted, others: requests - accepted, p95Ms: times[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN };
}

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
