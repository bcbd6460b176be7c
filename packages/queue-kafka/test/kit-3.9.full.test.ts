import { describeWithServer } from "@omni/servers";
import { kafkaKit } from "./broker.ts";

await describeWithServer("kafka-3.9", "Apache Kafka 3.9", (current) => kafkaKit("kafka queue", current), { private: true });
