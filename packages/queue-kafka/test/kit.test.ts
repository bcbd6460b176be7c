import { describeWithServer } from "@omni/servers";
import { kafkaKit } from "./broker.ts";

await describeWithServer("kafka", "Apache Kafka 4", (current) => kafkaKit("kafka queue", current), { private: true });
