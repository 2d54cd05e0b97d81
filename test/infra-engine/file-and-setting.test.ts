import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CATALOG, CONFIGURED_PROCESSES } from "../../src/configuration/catalog.js";
import { checkConfiguration } from "../../src/configuration/read.js";
import { infraSettings } from "../../src/configuration/sections/infra.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { openInfraSource } from "../../src/infra/source/open.js";
import type { InfraSource } from "../../src/infra/source/source.js";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { formatRegistryJson } from "./registries.js";

const DEMO = { state: "enabled", context: "sandbox", telemetry_repo: `${TENANT}/P.telemetry`, is_registry: false };

describe("an infra registry in a file", () => {
  let stage: Stage;
  let path: string;
  let source: InfraSource;
  beforeAll(async () => {
    stage = await openStage("directory");
    path = join(stage.folder, "registry.json");
    source = openInfraSource({ kind: "file", path }, stage.store);
  });
  afterAll(() => stage.close());

  it("is read on each request, with the BLAKE3 of its bytes as revision", async () => {
    for (const entry of ["enabled sandbox", "disabled sandbox"] as const) {
      const text = formatRegistryJson({ [`${TENANT}/P.demo`]: entry });
      await writeFile(path, text);
      const infra = { ...DEMO, state: entry.split(" ")[0] };
      const revision = hashBlake3Hex(Buffer.from(text));
      expect(value(await source.resolve(TENANT, "P.demo"))).toEqual({ infra, revision });
      expect(await source.resolveAt(TENANT, "P.demo", revision)).toEqual({ ok: true, value: { infra, revision } });
      expect(await source.resolveAt(TENANT, "P.demo", "0".repeat(64))).toBeUndefined();
    }
  });

  it("denies everything if it is malformed or missing", async () => {
    await writeFile(path, "{");
    expect(await source.resolve(TENANT, "P.demo")).toMatchObject({ denial: { code: "infra_unavailable" } });
    await rm(path);
    expect(await source.resolve(TENANT, "P.infra")).toMatchObject({ denial: { code: "infra_unavailable" } });
  });
});

describe("the setting OGR_INFRA", () => {
  const parse = (text: unknown) => infraSettings.OGR_INFRA.safeParse(text);

  it("has three forms", () => {
    expect(parse("none").data).toEqual({ kind: "none" });
    expect(parse("registry:T.UBL/P.infra").data).toEqual({ kind: "registry", tenant_id: "T.UBL", project_id: "P.infra" });
    expect(parse("file:/etc/ogr/registry.json").data).toEqual({ kind: "file", path: "/etc/ogr/registry.json" });
  });

  it.each(CONFIGURED_PROCESSES)("is required at the start of %s, and the error names both remedies", (process) => {
    const { problems } = checkConfiguration<unknown>(CATALOG[process], { found: new Map(), problems: [] });
    const text = problems.find(({ field }) => field === "OGR_INFRA")?.problem;
    expect(text).toMatch(/`none` where this deployment keeps no infra registry, or to `registry:/);
  });

  it("is refused with all three forms if it is missing or has another form", () => {
    for (const wrong of [
      undefined,
      "",
      "None",
      "registry",
      "registry:",
      "registry:T.UBL",
      "registry:ubl/infra",
      "registry:T.UBL/P.a/b",
      "file:",
      "file:registry.json",
      "/x",
    ]) {
      const parsed = parse(wrong);
      expect(parsed.success, String(wrong)).toBe(false);
      expect(parsed.error?.issues[0]?.message).toMatch(/`none`.*`registry:<tenant>\/<project>`.*`file:<absolute path>`/);
    }
  });
});
