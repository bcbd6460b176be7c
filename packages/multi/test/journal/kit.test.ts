import { type Backend, createBackend, wrap } from "@omni/core";
import { storageKit } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";

const kit = { describe, test, expect };
const group = () => multi([memory(), memory()], { journal: memory() });
storageKit("multi with a journal", group, kit, { features: group().features });

/** A store without conditional delete, as MinIO is: deletes leave their marks there. */
function plain(): Backend {
  const { driver } = memory();
  const conditional = { create: true, replace: "etag" as const, delete: false };
  return createBackend(wrap(driver, { features: { ...driver.features, conditional } }));
}
const marking = () => multi([plain(), plain()], { journal: memory() });
storageKit("multi with a journal, where deletes leave marks", marking, kit, { features: marking().features });
