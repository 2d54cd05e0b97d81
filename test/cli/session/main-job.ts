import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { runGit } from "../../../src/client/git/git-command.js";
import type { ServedRegistry } from "../../harness/registry.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { runOgr as ogrProcess, toPersonEnvironment } from "../run-ogr.js";

const cardSchema = z.looseObject({ card_id: z.string(), status: z.string(), level: z.string().nullable(), jti: z.string().nullable() });
const commandSchema = z.looseObject({ jti: z.string(), status: z.string() });
const failureSchema = z.looseObject({ ok: z.literal(false), code: z.string(), error: z.string() });

let registry: ServedRegistry;
let folder: string;
let working: string;
let admin: Record<string, string>;
let bob: Record<string, string>;

const commit = async (name: string): Promise<string> => {
  await writeFile(join(working, name), `${name}\n`);
  await runGit(working, ["add", "--all"]);
  await runGit(working, ["-c", "user.name=Mira", "-c", "user.email=mira@example.org", "commit", "--quiet", "-m", `Add ${name}`]);
  return (await runGit(working, ["rev-parse", "HEAD"])).trim();
};

/** Opens a card as admin and approves it as bob. Returns the card at its end. */
async function approveAll(open: readonly string[]) {
  const opened = await ogr([...open, "--json"], admin);
  expect(opened.stderr).toBe("");
  expect(opened.code).toBe(0);
  const { card_id } = opened.json(cardSchema);
  const decided = await ogr(["card", "approve", card_id, "--json"], bob);
  expect(decided.stdout).toContain('"status":"success"');
  expect(decided.code).toBe(0);
  return decided.json(cardSchema);
}

/** Enters each of Bob's passkeys in the charter, by the fingerprint that his terminal printed, as the holder of the founding key. */
async function addPasskeys(...printed: readonly string[]): Promise<void> {
  const keyFile = join(registry.dataDir, "keys", "founding", "T.UBL.pem");
  const add = (...more: string[]) => ogr(["charter", "add-passkey", "bob", "--founding-key-file", keyFile, ...more], admin);
  // Two wait, and nobody compared either.
  expect((await add("--yes")).stderr).toContain("has several passkeys that wait");
  expect((await add("--fingerprint", "0".repeat(64))).stderr).toContain("do not add it");
  for (const text of printed) {
    const [fingerprint = ""] = /[0-9a-f]{64}/.exec(text) ?? [];
    const added = await add("--fingerprint", fingerprint);
    expect(added.stdout).toContain(`The passkey ${fingerprint} of ubl:sid:person:bob counts from version`);
  }
  expect((await add("--yes")).stderr).toContain("has no registered passkey that waits");
}

export function testMainJob(started: () => ServedRegistry): void {
  describe("a person at a terminal", () => {
    beforeAll(async () => {
      registry = started();
      [admin, bob] = [toPersonEnvironment(registry, "admin"), toPersonEnvironment(registry, "bob")];
      folder = await mkdtemp(join(tmpdir(), "ogr-cli-"));
      working = join(folder, "working");
      await runGit(folder, ["init", "--quiet", "--initial-branch=feature/hello", working]);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it("registers a project, pushes, releases and verifies the receipt offline", async () => {
      const registered = await approveAll(["project", "register", "P.cli", "--name", "From the terminal"]);
      expect(registered.level).toBe("L3");

      const first = await commit("first");
      const pushed = await ogrProcess(["push", "P.cli", "--from", working, "--json"], admin);
      expect(pushed.code).toBe(0);
      expect(pushed.json(commandSchema).status).toBe("success");

      const second = await commit("second");
      const again = await ogr(["push", "P.cli", "--from", working], admin);
      expect(again.code).toBe(0);
      expect(again.stdout).toContain(`refs/heads/feature/hello: ${first.slice(0, 12)} → ${second.slice(0, 12)}`);

      // Nobody has a passkey yet: the card says so, and each is told what works for them.
      const release = ["release", "P.cli", "v1.2.0", "--commit", "feature/hello", "--notes", "The first one."];
      const early = await ogr(release, admin);
      expect([early.code, early.stdout]).toEqual([0, expect.stringContaining("Nobody can complete this card: 1 must approve at L4")]);
      const [early_id = ""] = /k-[0-9a-f]{20}/.exec(early.stdout) ?? [];
      expect(early.stdout).toContain(`As things are it can only expire. Withdraw it with: ogr card withdraw ${early_id}`);
      const own = await ogr(["card", "approve", early_id], admin);
      expect([own.code, own.stderr]).toEqual([3, expect.stringContaining("The author of a card does not approve it.")]);
      expect(own.stderr).not.toContain("passkey register");
      const without = await ogr(["card", "approve", early_id], bob);
      expect([without.code, without.stderr]).toEqual([5, expect.stringContaining("Register one with `ogr passkey register`")]);
      expect((await ogr(["card", "withdraw", early_id], admin)).code).toBe(0);

      const key = await ogr(["passkey", "register"], bob);
      expect(key.code).toBe(0);
      expect(key.stdout).toContain("the holder of the founding key: ogr charter add-passkey ubl:sid:person:bob");
      // A stolen token cannot add a passkey; the passkey in the file vouches for a second one.
      const stolen = await ogr(["passkey", "register", "--json"], { ...bob, OGR_CONFIG_DIR: join(folder, "thief") });
      expect([stolen.code, stolen.stdout + stolen.stderr]).toEqual([5, expect.stringContaining("step_up_required")]);
      const further = await ogr(["passkey", "register"], bob);
      expect(further.code).toBe(0);
      await addPasskeys(key.stdout, further.stdout);
      const released = await approveAll(release);
      expect(released.level).toBe("L4");
      const card = await ogr(["card", "show", released.card_id], bob);
      expect(card.stdout).toContain("  author    ubl:sid:person:admin as office::default\n");
      expect(card.stdout).toContain(`  commit    ${second}\n  notes\n            | The first one.\n`);
      expect(card.stdout).toContain(`  permit    ${released.jti}, used\n`);

      const shown = await ogr(["project", "show", "P.cli"], admin);
      expect(shown.stdout).toContain(`v1.2.0 at ${second.slice(0, 12)}`);
      expect((await ogr(["project", "list"], admin)).stdout).toContain("P.cli");
      expect((await ogr(["card", "list", "--status", "success"], admin)).stdout.trim().split("\n")).toHaveLength(2);

      const receipt = await ogr(["receipt", "show", released.jti ?? "", "--json"], admin);
      const file = join(folder, "receipt.json");
      await writeFile(file, receipt.stdout);
      const jwks = registry.founded.keys.receiptJwks;
      expect((await ogrProcess(["receipt", "verify", file, "--jwks", jwks])).code).toBe(0);
      await writeFile(file, receipt.stdout.replace("success", "expired"));
      const forged = await ogr(["receipt", "verify", file, "--jwks", jwks]);
      expect(forged.code).toBe(3);
      expect(forged.stdout).toContain("not valid");

      expect((await ogr(["ledger", "verify"], admin)).stdout).toContain("is whole");
    }, 120_000);

    it("merges into main, sees the conflicts of another merge, and verifies the Pact offline", async () => {
      const merge = (branch: string, ...more: string[]) => ["merge", "P.cli", branch, "--into", "main", ...more];
      const dry = await ogr(merge("feature/hello", "--dry-run"), admin);
      expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining("which is created")]);
      expect((await ogr(merge("feature/none"), admin)).code).toBe(2);
      const merged = await approveAll(merge("feature/hello", "--strategy", "fast-forward"));
      expect(merged.level).toBe("L4");

      const pact = await ogr(["receipt", "pact", merged.jti ?? "", "--json"], admin);
      const [receiptFile, pactFile, keysFile] = ["r.json", "p.json", "k.json"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await writeFile(pactFile, pact.stdout);
      await writeFile(receiptFile, (await ogr(["receipt", "show", merged.jti ?? "", "--json"], admin)).stdout);
      await writeFile(keysFile, await (await fetch(`${registry.url}/v1/jwks.json`)).text());
      const verify = ["receipt", "verify", receiptFile, "--pact", pactFile, "--jwks", keysFile];
      const verified = await ogr(verify);
      expect([verified.code, verified.stdout]).toEqual([
        0,
        expect.stringContaining("approved  by ubl:sid:person:bob as office::default with step-up"),
      ]);
      await writeFile(pactFile, pact.stdout.replace(/"payload":"./, '"payload":"x'));
      expect((await ogr(verify)).code).toBe(3);

      for (const branch of ["feature/one", "feature/two"]) {
        await runGit(working, ["checkout", "--quiet", "-B", branch, "feature/hello"]);
        await writeFile(join(working, "both.txt"), `${branch}\n`);
        await runGit(working, ["add", "--all"]);
        await runGit(working, ["-c", "user.name=Mira", "-c", "user.email=mira@example.org", "commit", "--quiet", "-m", branch]);
        expect((await ogr(["push", "P.cli", "--from", working, "--json"], admin)).code).toBe(0);
      }
      await runGit(working, ["checkout", "--quiet", "feature/hello"]);
      const listCards = async () => (await ogr(["card", "list", "--json"], admin)).stdout;
      const before = await listCards();
      const shown = await ogr(merge("feature/one", "--dry-run"), admin);
      expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining("commits   1, 1 files, +1 −0")]);
      expect(await listCards()).toBe(before);
      await approveAll(merge("feature/one"));
      const [asked, json] = [
        await ogr(merge("feature/two", "--dry-run"), admin),
        await ogr(merge("feature/two", "--dry-run", "--json"), admin),
      ];
      expect([asked.code, asked.stdout]).toEqual([6, expect.stringContaining("conflict  both.txt (contents)")]);
      expect(json.json(z.looseObject({ dry_run: z.literal(true), denial: z.looseObject({ code: z.string() }) })).denial.code).toBe(
        "merge_conflict",
      );
      const conflicting = await ogr(merge("feature/two"), admin);
      expect(conflicting.code).toBe(6);
      expect(conflicting.stdout).toContain("conflict  both.txt (contents)");
      expect(conflicting.stdout).toContain("            | <<<<<<< main\n            | feature/one\n            | =======\n");
    }, 120_000);

    it("is told that what is there already needs no push, which is a success", async () => {
      const again = await ogr(["push", "P.cli", "--from", working], admin);
      expect([again.code, again.stdout]).toEqual([
        0,
        expect.stringMatching(/which is already there\n[\s\S]*There is nothing to push\.\n$/),
      ]);
      const json = (await ogr(["push", "P.cli", "--from", working, "--json"], admin)).json(z.looseObject({ ok: z.literal(true) }));
      expect(json).toMatchObject({ up_to_date: true });
    });

    it("gets exit code 5 if an act needs approval", async () => {
      const answer = await ogr(["push", "P.cli", "--from", working, "--branch", "feature/careful", "--risk", "L3", "--json"], admin);
      expect(answer.code).toBe(5);
      expect(answer.json(failureSchema)).toMatchObject({ code: "approval_required", error: expect.stringContaining("adding --card.") });
    });

    it("gets exit code 3 for a branch that the policy does not know", async () => {
      const answer = await ogr(["push", "P.cli", "--from", working, "--branch", "wild/branch", "--json"], admin);
      expect(answer.code).toBe(3);
      expect(answer.json(failureSchema).code).toBe("policy_denied");
    });

    it("can reject a card, and can withdraw their own", async () => {
      const open = async (id: string) => (await ogr(["project", "register", id, "--json"], admin)).json(cardSchema).card_id;
      const rejected = await ogr(["card", "reject", await open("P.no"), "--json"], bob);
      expect(rejected.json(cardSchema).status).toBe("rejected");
      expect(rejected.code).toBe(0);
      const withdrawn = await ogr(["card", "withdraw", await open("P.never"), "--json"], admin);
      expect(withdrawn.json(cardSchema).status).toBe("withdrawn");
      expect(withdrawn.code).toBe(0);
    });

    it("gets exit code 3 when approving their own card", async () => {
      const opened = await ogr(["project", "register", "P.own"], admin);
      const [card_id = ""] = /k-[0-9a-f]{20}/.exec(opened.stdout) ?? [];
      expect(opened.stdout).toContain("Who can approve it: person:bob, person:carol");
      expect(opened.stdout).toContain(`Whoever can approve it runs: ogr card approve ${card_id}`);
      const answer = await ogr(["card", "approve", card_id, "--json"], admin);
      expect(answer.code).toBe(3);
      expect(answer.json(failureSchema)).toMatchObject({
        code: "statement_not_counted",
        error: expect.stringContaining("The author of a card does not approve it. Who can approve it: person:bob, person:carol"),
      });
    });

    it("of another tenant gets not_found for the project", async () => {
      const olga = toPersonEnvironment(registry, "olga", "T.OTHER");
      const answer = await ogr(["project", "show", "P.cli", "--json"], olga);
      expect(answer.code).toBe(1);
      expect(answer.json(failureSchema).code).toBe("not_found");
      expect((await ogr(["project", "show", "P.cli", "--tenant", "T.UBL", "--json"], olga)).json(failureSchema).code).toBe("not_found");
    });
  });
}
