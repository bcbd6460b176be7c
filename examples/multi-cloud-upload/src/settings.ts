import { OmniError } from "@omni/core";

type Env = Readonly<Record<string, string | undefined>>;

/** Variables beside those of the clouds, with their defaults. */
export const VARIABLES = {
  PORT: { default: "4000", about: "of the page; 0 = a free one" },
  STORE_PORT: { default: "4001", about: "of the clouds that are folders; 0 = a free one" },
  DATA: { default: "tmp/multi-cloud-upload", about: "folder of the catalogue and of the clouds that are folders" },
} as const;

export interface Settings {
  readonly port: number;
  readonly storePort: number;
  readonly folder: string;
  /** With CLOUDS_IMAGES_URL and so on. */
  readonly env: Env;
}

/** @throws OmniError INVALID_ARGUMENT */
export function settingsOf(env: Env): Settings {
  const value = (name: keyof typeof VARIABLES): string => env[name] || VARIABLES[name].default;
  const port = (name: "PORT" | "STORE_PORT"): number => {
    const number = Number(value(name));
    if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
    throw new OmniError("INVALID_ARGUMENT", { reason: `${name} is a port, 0 to 65535, not ${JSON.stringify(value(name))}` });
  };
  return { port: port("PORT"), storePort: port("STORE_PORT"), folder: value("DATA"), env };
}
