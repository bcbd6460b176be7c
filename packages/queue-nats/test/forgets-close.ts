// A script that forgets close(): its process stays, and has to say why.
import { natsQueue } from "@omni/queue-nats";

const queue = natsQueue({ url: process.argv[2] ?? "", topic: "forgotten" });
await queue.publish({ data: "x" });
