import { channel } from "@omni/channel";
import { storageKit } from "@omni/core/testing";

storageKit("channel", () => channel(), { describe, test, expect });
storageKit("channel, pubsub and persistent", () => channel({ mode: "pubsub", persistent: true }), { describe, test, expect });
