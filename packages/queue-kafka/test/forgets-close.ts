import { kafkaQueue } from "@omni/queue-kafka";

// Publishes, and ends without a close().
const [brokers = "", topic = ""] = process.argv.slice(2);
const queue = kafkaQueue({ brokers, topic });
console.log((await queue.publish({ data: "x" })).state);
