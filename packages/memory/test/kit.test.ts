import { storageKit } from "@omni/core/testing";
import { memory } from "@omni/memory";

storageKit("memory", () => memory(), { describe, test, expect }, { features: memory().features });
