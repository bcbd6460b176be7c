// For a container's health check: ends with 0 when the service on a port of this host is ready.
const [port = "8080"] = process.argv.slice(2);
const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
process.exitCode = answer?.ok ? 0 : 1;
