import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

const strings = z.array(z.string());
const serviceSchema = z.object({
  image: z.string(),
  build: z.string().optional(),
  entrypoint: strings.default([]),
  command: strings.default([]),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: strings.default([]),
  volumes: strings.default([]),
  networks: strings,
  ports: strings.default([]),
  tmpfs: strings.default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.enum(["service_healthy", "service_completed_successfully"]) })).default({}),
  healthcheck: z.object({ test: strings }).loose().optional(),
  user: z.string().optional(),
  read_only: z.boolean().default(false),
  cap_drop: strings.default([]),
  security_opt: strings.default([]),
  restart: z.string(),
});
const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.object({ internal: z.boolean().default(false) }).nullable()),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});

export type ComposeService = z.infer<typeof serviceSchema>;
export type Compose = z.infer<typeof composeSchema>;

/** A mount of a service: `source` is a volume's name, or a path beside the file. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
}

/** Reads the compose file as compose does: anchors merged, `${NAME:-preset}` and `$$` resolved. */
export function readCompose(path: string): Compose {
  return composeSchema.parse(interpolate(parse(readFileSync(path, "utf8"), { merge: true })));
}

function interpolate(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/\$(?:\$|\{\w+:-([^}]*)\})/g, (whole, preset) => (whole === "$$" ? "$" : preset));
  if (Array.isArray(value)) return value.map(interpolate);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, interpolate(one)]));
}

export function listMounts(service: ComposeService): Mount[] {
  return service.volumes.map((text) => {
    const [source = "", target = "", mode] = text.split(":");
    return { source, target, isReadOnly: mode === "ro" };
  });
}
