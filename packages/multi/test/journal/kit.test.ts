import { storageKit } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";

const group = () => multi([memory(), memory()], { journal: memory() });
storageKit("multi with a journal", group, { describe, test, expect }, { features: group().features });
