import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { formatRegistryJson } from "../infra-engine/registries.js";
import { Clone } from "../repository/real-git.js";
import { buildPush, issuePush, pushOrThrow, registerByCard, requireRefusal, toEnd } from "./acts.js";

describe("a registry whose infra registry is a file", () => {
  let folder: string;
  let path: string;
  let registry: ServedRegistry;
  const clone = new Clone();
  clone.commit("a.txt", "a\n");

  const writeRegistry = async (text: string): Promise<string> => {
    await writeFile(path, text);
    return hashBlake3Hex(Buffer.from(text));
  };
  const buildBranchPush = (branch: string) => buildPush("P.filed", branch, null, clone.bundle("main"));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ogr-infra-"));
    path = join(folder, "registry.json");
    registry = await startRegistryInProcess({ name: "infra-file", infra: `file:${path}` });
  });
  afterAll(async () => {
    await registry?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("runs acts of projects that the file enables, and names the file's BLAKE3 in the receipt", async () => {
    const revision = await writeRegistry(formatRegistryJson({ "T.UBL/P.filed": "enabled production" }));
    await registerByCard(registry, "P.filed");
    const { command } = await pushOrThrow(registry.as("admin"), buildBranchPush("feature/a"));
    expect(command.receipt).toMatchObject({ infra_revision: revision });
    expect(requireValue(await registry.as("admin").readInfraContext("P.filed"))).toMatchObject({
      source: "file",
      revision,
      state: "enabled",
    });
  });

  it("denies acts when the file disables the project, is malformed or is missing", async () => {
    await writeRegistry(formatRegistryJson({ "T.UBL/P.filed": "disabled production" }));
    expect(requireRefusal(await issuePush(registry.as("admin"), buildBranchPush("feature/b")))).toMatchObject({
      status: 403,
      code: "policy_denied",
    });
    await writeRegistry("{");
    expect(requireRefusal(await issuePush(registry.as("admin"), buildBranchPush("feature/b")))).toMatchObject({
      status: 403,
      code: "infra_unavailable",
    });
    await rm(path);
    expect(requireRefusal(await issuePush(registry.as("admin"), buildBranchPush("feature/b")))).toMatchObject({
      status: 403,
      code: "infra_unavailable",
    });
    await writeRegistry(formatRegistryJson({ "T.UBL/P.filed": "enabled production" }));
    expect(toEnd(requireValue(await issuePush(registry.as("admin"), buildBranchPush("feature/b"))))).toMatchObject({ status: "success" });
  });
});
