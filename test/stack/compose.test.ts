import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { requireReceipt } from "../../src/client/acting.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { enterPasskey } from "../../src/client/charter.js";
import { registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { createRegistryClient } from "../../src/client/http/registry-client.js";
import { verifyReceipt } from "../../src/client/offline/receipt.js";
import { waitForCardEnd, waitForCommandEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { openPasskeyFile } from "../../src/passkey/file.js";
import { buildPlanePolicy } from "../../src/stack/founding/plane-credentials.js";
import { createS3Client } from "../../src/stack/servers/object-store.js";
import {
  type ActorAccess,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  buildReleaseJob,
  openCard,
  PATIENCE_MS,
  stateDecision,
} from "../harness/acting.js";
import { Clone } from "../repository/real-git.js";
import { type ComposeService, listMounts, readCompose } from "./compose/file.js";
import { type ComposeWorld, openComposeWorld } from "./compose/world.js";

const START_MS = 3_600_000;
const TENANT = "T.UBL";
const BYTES = Buffer.from("{}");
const DENIED = { code: "AccessDenied" };
const compose = readCompose("docker-compose.yml");
const services = Object.entries(compose.services);
const isStep = (name: string): boolean => services.some(([, one]) => one.depends_on[name]?.condition === "service_completed_successfully");

/** Reads the commands that create the secrets from the manual. */
function readManualSecrets(): string {
  const [, section = ""] = readFileSync("docs/operations/install.md", "utf8").split("\n## Compose\n");
  const [, commands] = /```sh\n([\s\S]*?secrets\/database_url[\s\S]*?)```/.exec(section) ?? [];
  if (commands === undefined) throw new Error("docs/operations/install.md has no commands that create the secrets under Compose");
  return commands;
}

describe("the compose file", () => {
  test("lets LAB 512 reach only Temporal and the object store", () => {
    const { networks } = compose.services["lab512"] as ComposeService;
    expect(networks).toEqual(["plane512"]);
    expect(compose.networks["plane512"]).toEqual({ internal: true });
    const reached = services.filter(([, one]) => one.networks.some((network) => networks.includes(network))).map(([name]) => name);
    expect(reached.sort()).toEqual(["lab512", "minio", "temporal"]);
  });

  test("passes secrets by file, never by value", () => {
    for (const [name, { environment, secrets }] of services)
      for (const [key, value] of Object.entries(environment)) {
        if (/(PASSWORD|SECRET_KEY|TOKEN|DATABASE_URL)$/.test(key)) expect(key, name).toBe("told by file");
        const [, secret] = /^\/run\/secrets\/(.*)$/.exec(value) ?? [];
        if (secret !== undefined) expect(secrets, `${name}: ${key}`).toContain(secret);
      }
    for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^\.\/secrets\//);
    expect(readFileSync(".gitignore", "utf8").split("\n")).toContain("secrets/");
  });

  test("mounts every path in a service's configuration, and each plane's keys only in that plane", () => {
    for (const [name, service] of services) {
      const targets = [...listMounts(service).map(({ target }) => target), ...service.tmpfs];
      for (const value of Object.values(service.environment).filter((one) => one.startsWith("/") && !one.startsWith("/run/secrets/")))
        expect(
          targets.some((target) => value === target || value.startsWith(`${target}/`)),
          `${name}: ${value}`,
        ).toBe(true);
    }
    const listHolders = (volume: string): string[] =>
      services.filter(([, one]) => listMounts(one).some(({ source }) => source === volume)).map(([name]) => name);
    expect(listHolders("founding")).toEqual(["init"]);
    expect(listHolders("lab512")).toEqual(["init", "lab512"]);
    expect(listHolders("lab256")).toEqual(["init", "api", "lab256"]);
  });

  test.each(["LAB_256", "LAB_512"] as const)("gives %s the same store policy as the development stack", (plane) => {
    const file = `config/compose/${plane.toLowerCase().replace("_", "")}-policy.json`;
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(buildPlanePolicy(plane, ""));
  });

  test("drops every privilege that a service does not need", () => {
    for (const [name, service] of services) {
      expect(service.cap_drop, name).toEqual(["ALL"]);
      expect(service.security_opt, name).toContain("no-new-privileges:true");
      if (name !== "temporal-ui") expect(service.read_only, name).toBe(true);
      expect(service.user, name).toBeUndefined();
    }
    expect(readFileSync("Dockerfile", "utf8")).toMatch(/\nUSER node\n(?![\s\S]*\nUSER )/);
  });

  test("pins every image, restarts every service and checks the health of long-running ones", () => {
    for (const [name, service] of services) {
      expect(service.image, name).toMatch(/:[\w.-]*\d[\w.-]*$/);
      expect(service.restart, name).toBe(isStep(name) ? "on-failure:5" : "unless-stopped");
      if (!isStep(name)) expect(service.healthcheck, name).toBeDefined();
    }
  });
});

describe("the compose file's services, run as plain processes,", () => {
  let world: ComposeWorld | undefined;
  let floor: ActorAccess;
  let clone: Clone;

  beforeAll(async () => {
    const made = await openComposeWorld(compose, readManualSecrets());
    if ("missing" in made) {
      console.error(`[compose] not run: ${made.missing}`);
      return;
    }
    world = made;
    await Promise.all(["api", "lab256", "lab512"].map((name) => made.services.startService(name)));
    floor = await createActorAccess(made);
    clone = new Clone();
    clone.commit("README.md", "# Demo\n");
  }, START_MS);

  afterAll(async () => {
    await world?.stop();
  }, 120_000);

  const requireWorld = (skip: () => void): ComposeWorld => {
    if (world === undefined) skip();
    return world as ComposeWorld;
  };

  test("carry a registration, a push and a release to receipts that the Runner signed", async ({ skip }) => {
    const running = requireWorld(skip);
    const admin = floor.as("admin");
    const { record } = await registerPasskey(floor.as("approver"), floor.openPasskeys("approver"), "test");
    const foundingKey = readSigningKey(join(running.folder, "volumes", "founding", "keys", `${TENANT}.pem`));
    await enterPasskey(admin, foundingKey, "person:approver", record);
    const registered = await approveCard(buildRegistrationJob("P.compose"));
    const pushed = (await actByPermit(admin, buildPushJob(clone, "P.compose", "feature/compose"))).command;
    const released = await approveCard(buildReleaseJob("P.compose", "v1.0.0", clone.readHead()));
    const jwks = requireValue(await admin.readPublicKeys());
    for (const command of [registered, pushed, released])
      expect(verifyReceipt(requireReceipt(command), jwks)).toMatchObject({
        valid: true,
        receipt: { status: "success", tenant_id: TENANT },
      });
    expect(await admin.findRef("P.compose", "refs/heads/feature/compose")).toBe(clone.readHead());
    expect(requireValue(await admin.verifyLedger())).toMatchObject({ ok: true });
  }, 120_000);

  test("can be set up again while they run, without a change to any key, token, policy or identity", async ({ skip }) => {
    const world = requireWorld(skip);
    const before = await readFoundedState(world);
    await world.services.runAgain("databases");
    await world.services.runAgain("temporal-schema");
    await world.services.runAgain("store-keys");
    await expect(world.services.runAgain("init")).resolves.toContain("T.UBL: founded");
    expect(await readFoundedState(world)).toEqual(before);
    expect(requireValue(await floor.as("admin").readProject("P.compose"))).toMatchObject({ id: "P.compose" });
  }, 120_000);

  test("give each plane a store key with only the plane's rights", async ({ skip }) => {
    const world = requireWorld(skip);
    const [lab256, lab512] = await Promise.all([openStoreOf(world, "lab256"), openStoreOf(world, "lab512")]);
    await expect(lab256.putObject("receipts", "forged", BYTES)).rejects.toMatchObject(DENIED);
    await expect(lab256.putObject("staging", "staged", BYTES)).resolves.toBeDefined();
    await expect(lab512.putObject("receipts", "written", BYTES)).resolves.toBeDefined();
    await expect(lab512.makeBucket("made")).rejects.toMatchObject(DENIED);
  });

  test("replace the secret and the policy of a store key when they are set up again", async ({ skip }) => {
    const world = requireWorld(skip);
    const file = join(world.folder, "secrets", "lab256_store_key");
    const secret = await readFile(file, "utf8");
    const before = await openStoreOf(world, "lab256");
    await loosenPolicyOfLab256(world);
    await before.putObject("receipts", "loosened", BYTES);
    await writeFile(file, secret.replace(/^.{8}/, "replaced"));
    await world.services.runAgain("store-keys");
    const after = await openStoreOf(world, "lab256");
    await after.putObject("staging", "replaced", BYTES);
    await expect(after.putObject("receipts", "forged", BYTES)).rejects.toMatchObject(DENIED);
    await expect(before.putObject("staging", "replaced", BYTES)).rejects.toMatchObject({ code: "SignatureDoesNotMatch" });
    await writeFile(file, secret);
    await world.services.runAgain("store-keys");
    await before.putObject("staging", "restored", BYTES);
  });

  /** Opens a card as admin, approves it as the other person, and waits for its command. */
  async function approveCard(job: Parameters<typeof openCard>[1]) {
    const card: CardAnswer = await openCard(floor.as("admin"), job);
    await stateDecision(floor, "approver", "approve", card);
    const ended = await waitForCardEnd(floor.as("admin"), card.card_id, PATIENCE_MS);
    return waitForCommandEnd(floor.as("admin"), ended.jti ?? "", PATIENCE_MS);
  }
});

/** The actors of the seed, with the tokens that the first `init` wrote for the operator. */
async function createActorAccess({ folder, ports }: ComposeWorld): Promise<ActorAccess> {
  const tokens = z
    .record(z.string(), z.string())
    .parse(JSON.parse(await readFile(join(folder, "volumes", "founding", "tokens.json"), "utf8")));
  const server = `http://127.0.0.1:${ports["7450"]}`;
  return {
    as(name) {
      const actor_id = `ubl:sid:person:${name}`;
      return createRegistryClient({ server, token: tokens[`${TENANT} ${actor_id}`] ?? "" }, { tenant_id: TENANT, actor_id });
    },
    openPasskeys: (name) => openPasskeyFile(join(folder, "people", name, "passkey.json")),
  };
}

/** Reads everything that `init` creates: files, policies, charters and identities. */
async function readFoundedState({ folder, ports }: ComposeWorld) {
  const files = new Map<string, string>();
  for (const volume of ["founding", "lab256", "lab512"]) {
    const entries = await readdir(join(folder, "volumes", volume), { recursive: true, withFileTypes: true });
    for (const path of entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)))
      if (/\.(?:pem|json)$/.test(path)) files.set(path, await readFile(path, "utf8"));
  }
  const policies = await readPoliciesAndCharters({ folder, ports });
  const identities = await readIdentities(folder);
  // If one of these sets were empty, its comparison would always succeed.
  expect(Math.min(files.size, policies.size, identities.length)).toBeGreaterThan(0);
  return { files, policies, identities };
}

async function readPoliciesAndCharters(world: Pick<ComposeWorld, "folder" | "ports">): Promise<Map<string, string>> {
  const client = await openStoreOf(world, "lab256");
  const found = new Map<string, string>();
  for (const bucket of ["policies", "charter"])
    for await (const { name } of client.listObjectsV2(bucket, "", true) as AsyncIterable<{ name: string }>)
      found.set(`${bucket}/${name}`, (await buffer(await client.getObject(bucket, name))).toString("base64"));
  return found;
}

async function readIdentities(folder: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: await readFile(join(folder, "secrets", "database_url"), "utf8") });
  await client.connect();
  try {
    const rows: string[] = [];
    for (const table of ["tenants", "persons", "person_emails", "actors", "memberships", "tokens", "runner_keys"])
      rows.push(
        ...(
          await client.query<{ row: string }>(
            `select '${table} ' || (to_jsonb(t) - 'last_used_at')::text as row from ${table} t order by 1`,
          )
        ).rows.map(({ row }) => row),
      );
    return rows;
  } finally {
    await client.end();
  }
}

async function openStoreOf({ folder, ports }: Pick<ComposeWorld, "folder" | "ports">, access_key: "lab256" | "lab512") {
  const secret_key = await readFile(join(folder, "secrets", `${access_key}_store_key`), "utf8");
  return createS3Client({ endpoint: `http://127.0.0.1:${ports["9000"]}`, region: "us-east-1", access_key, secret_key });
}

/** Gives LAB 256 the policy of LAB 512. */
async function loosenPolicyOfLab256({ folder, ports, programs }: ComposeWorld): Promise<void> {
  const password = await readFile(join(folder, "secrets", "store_root_password"), "utf8");
  await promisify(execFile)(programs["mc"] ?? "", ["admin", "policy", "create", "store", "lab256", "config/compose/lab512-policy.json"], {
    env: { HOME: folder, MC_HOST_store: `http://ogr-root:${password}@127.0.0.1:${ports["9000"]}` },
  });
}
