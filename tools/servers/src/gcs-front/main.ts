/** `main.ts --instance FOLDER --listen PORT --target PORT`: the front of a fake-gcs-server, a process of its own. */
import { parseArgs } from "node:util";
import { startFront } from "./front.ts";

const { values } = parseArgs({ options: { instance: { type: "string" }, listen: { type: "string" }, target: { type: "string" } } });
await startFront(Number(values.listen), Number(values.target));
