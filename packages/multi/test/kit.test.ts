import { storageKit } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";

const kit = { describe, test, expect };
const { features } = multi([memory(), memory()]);

storageKit("multi, all of three", () => multi([memory(), memory(), memory()]), kit, { features });
storageKit("multi, quorum of three", () => multi([memory(), memory(), memory()], { mode: "quorum" }), kit, { features });
storageKit("multi, best effort of two", () => multi([memory(), memory()], { mode: "best-effort" }), kit, { features });
