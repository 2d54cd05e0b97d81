import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readPolicyData, replacePolicyData } from "../../src/decision/policy/bytes.js";
import { loadPolicy } from "../../src/decision/policy/policy.js";
import { PUSH, readCommittedBytes } from "../decision/policy/inputs.js";
import { buildPolicyWith, replaceLevel } from "../harness/policies.js";
import { runOgrHere } from "./ogr-here.js";

const ECHO = fileURLToPath(new URL("../decision/policy/fixtures/echo/echo.wasm", import.meta.url));
const failureSchema = z.looseObject({ ok: z.literal(false), code: z.string(), error: z.string() });

let folder: string;
let strict: string;
let usual: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-policy-"));
  usual = await keep("usual.wasm", await readCommittedBytes());
  strict = await keep("strict.wasm", await buildPolicyWith((data) => replaceLevel(data, "L3", { approvals: 2 })));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `ogr` where no registry can be found. */
const ogr = (...words: string[]) => runOgrHere(words, { OGR_CONFIG_DIR: folder, OGR_SERVER: "http://127.0.0.1:9", OGR_TOKEN: "none" });

async function keep(name: string, content: unknown): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content instanceof Uint8Array ? content : JSON.stringify(content));
  return file;
}

describe("without a registry", () => {
  it("`ogr policy build` puts data into the rules of a file, and writes a policy whose hash it prints", async () => {
    const shown = await ogr("policy", "show", usual);
    expect(shown.stderr).toContain((await loadPolicy(await readCommittedBytes())).hash);
    const data = { ...JSON.parse(shown.stdout), author_may_approve: true };
    const output = join(folder, "built.wasm");
    const built = await ogr("policy", "build", "--data", await keep("data.json", data), "--base", usual, "-o", output);
    expect([built.code, built.stderr]).toEqual([0, ""]);
    const policy = await loadPolicy(await readFile(output));
    expect(built.stdout.trim()).toBe(policy.hash);
    expect(policy.data).toEqual(data);
  });

  it("`ogr policy build` names each bad field of the data, and writes nothing", async () => {
    const data = readPolicyData(await readCommittedBytes());
    const office = { ...data.offices["office::default"], allowed_actions: ["git.registry.pusch"] };
    const file = await keep("bad.json", { ...data, offices: { ...data.offices, "office::default": office } });
    const output = join(folder, "bad.wasm");
    const built = await ogr("policy", "build", "--data", file, "--base", usual, "-o", output);
    expect([built.code, built.stdout]).toEqual([2, ""]);
    expect(built.stderr).toContain("offices.office::default.allowed_actions.0: git.registry.pusch is neither a job type");
    await expect(readFile(output)).rejects.toThrow("ENOENT");
  });

  it("`ogr policy diff` shows each place in which the data differs, and that the rules are the same", async () => {
    const { code, stdout } = await ogr("policy", "diff", strict, usual);
    expect(code).toBe(0);
    const [before, after, ...rest] = stdout.trim().split("\n");
    expect([before?.[0], after?.[0]]).toEqual(["-", "+"]);
    expect(rest).toEqual(["The rules are the same.", "/levels/L3/approvals", "  - 1", "  + 2"]);
  });

  it("`ogr policy diff` tells apart policies with equal data and other rules", async () => {
    const other = await keep("echo.wasm", replacePolicyData(await readFile(ECHO), readPolicyData(await readCommittedBytes())));
    const { stdout } = await ogr("policy", "diff", other, usual);
    expect(stdout.trim().split("\n").slice(2)).toEqual(["The rules differ: review their source too.", "The data is the same."]);
  });

  it("`ogr policy explain` prints the level, the requirements and the reasons of an act", async () => {
    const merge = {
      ...PUSH,
      job_type: "git.registry.merge_protected",
      has_card: true,
      params: { project_id: "P.demo", source: "feature/x", target: "main" },
    };
    const input = await keep("input.json", merge);
    const { code, stdout } = await ogr("policy", "explain", input, "--policy", usual);
    expect(code).toBe(0);
    expect(stdout).toContain("git.registry.merge_protected is allowed, once its requirements are met\n  level     L4\n");
    expect(stdout).toMatch(/ {2}requires {2}1 approval with step-up, not by author, pusher, commit author\n {2}reason {4}.*\(branch\./);
    const denied = await ogr("policy", "explain", await keep("denied.json", { ...PUSH, office_id: "office:security" }), "--policy", usual);
    expect([denied.code, denied.stdout.split("\n")[0]]).toEqual([0, "git.registry.push is denied"]);
  });

  it("`ogr policy explain` names the bad field of an input", async () => {
    const input = { ...PUSH, has_card: "yes" };
    const answer = (await ogr("policy", "explain", await keep("odd.json", input), "--policy", usual, "--json")).json(failureSchema);
    expect(answer).toMatchObject({ code: "usage", error: expect.stringContaining("has_card") });
  });

  it("`ogr policy test` passes if every case is decided as expected, and else fails and says what differs", async () => {
    const cases = [
      { name: "a push to a feature branch", input: PUSH, expect: { allowed: true, level: "L1", rules: ["branch.feature"] } },
      { name: "a push through no office", input: { ...PUSH, member_offices: [] }, expect: { allowed: false } },
    ];
    const good = await ogr("policy", "test", await keep("good.json", cases), "--policy", usual);
    expect([good.code, good.stdout]).toEqual([0, "✓ a push to a feature branch\n✓ a push through no office\n"]);
    const wrong = [
      { name: "level", input: PUSH, expect: { allowed: true, level: "L2" } },
      { name: "denied", input: PUSH, expect: { allowed: false } },
      { name: "rule", input: PUSH, expect: { allowed: true, rules: ["branch.main"] } },
      ...cases,
    ];
    const failed = await ogr("policy", "test", await keep("wrong.json", wrong), "--policy", usual);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("2 of 5 cases passed")]);
    expect(failed.stdout).toContain("✗ level\n  level is L1, expected L2\n✗ denied\n  allowed is true: ");
    expect(failed.stdout).toContain(
      "✗ rule\n  rules are branch.feature, requires.nothing; branch.main is missing\n✓ a push to a feature branch",
    );
  });

  it("`ogr policy test` refuses a list without cases, which could not fail", async () => {
    const none = await ogr("policy", "test", await keep("none.json", []), "--policy", usual);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("Write at least one case.")]);
  });

  it("every command says what is wrong with a file that is no policy", async () => {
    const file = await keep("text.wasm", Buffer.from("package registry"));
    for (const words of [
      ["show", file],
      ["diff", file, usual],
      ["explain", join(folder, "input.json"), "--policy", file],
    ]) {
      const answer = await ogr("policy", ...words);
      expect([answer.code, answer.stderr]).toEqual([
        2,
        expect.stringMatching(/text\.wasm: The bytes do not begin like a WebAssembly module/),
      ]);
    }
    const absent = await ogr("policy", "show", join(folder, "absent.wasm"));
    expect([absent.code, absent.stderr]).toEqual([2, expect.stringContaining("cannot be read (ENOENT)")]);
  });
});

it("a registry that passes off another policy under the hash that was asked for is found out", async () => {
  const wanted = (await loadPolicy(await readFile(strict))).hash;
  const wasm = Buffer.from(await readCommittedBytes()).toString("base64");
  const liar = createServer((request, response) => {
    const body = request.url?.startsWith("/v1/whoami")
      ? { tenant_id: "T.UBL", actor_id: "ubl:sid:person:admin", offices: [] }
      : { policy_hash: wanted, wasm };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => void liar.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = liar.address() as AddressInfo;
    const shown = await runOgrHere(["policy", "show", wanted], {
      OGR_CONFIG_DIR: folder,
      OGR_SERVER: `http://127.0.0.1:${port}`,
      OGR_TOKEN: "any",
    });
    expect([shown.code, shown.stdout]).toEqual([1, ""]);
    expect(shown.stderr).toContain(`when it was asked for ${wanted}`);
  } finally {
    liar.close();
  }
});
