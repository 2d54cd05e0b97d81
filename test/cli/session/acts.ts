import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { runGit } from "../../../src/client/git/git-command.js";
import { requireValue } from "../../../src/client/http/problem.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { actByCard, buildRegistrationJob, OFFICE, openCard, stateDecision } from "../../harness/acting.js";
import type { ServedRegistry } from "../../harness/registry.js";
import { waitUntilCardsAreClosed } from "../../scenarios/stored-state.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { toPersonEnvironment } from "../run-ogr.js";
import { hasTerminals, runAtTerminal } from "./at-terminal.js";

const cardSchema = z.looseObject({ card_id: z.string(), status: z.string() });
const previewSchema = z.looseObject({ dry_run: z.literal(true), old: z.string().nullable(), new: z.string(), commit_count: z.number() });

export function describeActs(registry: () => ServedRegistry): void {
  describe("somebody who acts", () => {
    let folder: string;
    let working: string;
    let admin: Record<string, string>;

    beforeAll(async () => {
      admin = toPersonEnvironment(registry(), "admin");
      folder = await mkdtemp(join(tmpdir(), "ogr-acts-"));
      working = join(folder, "working");
      await runGit(folder, ["init", "--quiet", "--initial-branch=feature/hello", working]);
      await actByCard(registry(), buildRegistrationJob("P.acts"));
      await waitUntilCardsAreClosed(registry());
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    const commitFile = async (name: string): Promise<string> => {
      await writeFile(join(working, name), `${name}\n`);
      await runGit(working, ["add", "--all"]);
      await runGit(working, ["-c", "user.name=Mira", "-c", "user.email=mira@example.org", "commit", "--quiet", "-m", `Add ${name}`]);
      return (await runGit(working, ["rev-parse", "HEAD"])).trim();
    };
    const push = ["push", "P.acts", "--from"];
    const countEntries = async () => requireValue(await registry().as("admin").readTenant()).ledger.entries;

    it("sees in a dry run what would be pushed, and nothing has happened", async () => {
      const tip = await commitFile("one");
      const before = await countEntries();
      const shown = await ogr([...push, working, "--dry-run"], admin);
      expect(shown.stdout).toContain(`feature/hello: none → ${tip.slice(0, 12)}`);
      expect(shown.stdout).toContain("Add one (Mira)");
      expect(shown.stdout).toContain("Nothing was changed (--dry-run)");
      const preview = (await ogr([...push, working, "--dry-run", "--json"], admin)).json(previewSchema);
      expect(preview).toMatchObject({ old: null, new: tip, commit_count: 1, project_id: "P.acts", branch: "feature/hello" });
      expect(await countEntries()).toBe(before);
      expect((await registry().store.blobs.stat(`staging/T.UBL/${String(preview["blake3"])}`)) ?? null).toBeNull();
    });

    it("is shown the plan before it is pushed, and its history where that is rewritten", async () => {
      const pushed = await ogr([...push, working], admin);
      expect([pushed.code, pushed.stderr]).toEqual([0, expect.stringContaining("Push to P.acts")]);
      const again = await ogr([...push, working, "--dry-run"], admin);
      expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("is already there")]);
      const old = (await runGit(working, ["rev-parse", "HEAD"])).trim();
      await runGit(working, [
        "-c",
        "user.name=Mira",
        "-c",
        "user.email=mira@example.org",
        "commit",
        "--amend",
        "--quiet",
        "-m",
        "Say it better",
      ]);
      const rewritten = await ogr([...push, working, "--dry-run"], admin);
      expect(rewritten.stdout).toContain(`${old.slice(0, 12)} → `);
      expect(rewritten.stdout).toContain("refused without --force");
      // Git itself would take the tag.
      await runGit(working, ["tag", "feature/hello", old]);
      const named = await ogr([...push, working, "--ref", "feature/hello", "--dry-run"], admin);
      expect(named.stdout).toBe(rewritten.stdout);
      await runGit(working, ["tag", "--delete", "feature/hello"]);
    });

    it.runIf(hasTerminals())("is asked at a terminal, and no is no", async () => {
      const before = await countEntries();
      const refused = await runAtTerminal([...push, working, "--force"], admin, "n");
      expect(refused.output).toContain("Push this to");
      expect([refused.code, await countEntries()]).toEqual([2, before]);
      const agreed = await runAtTerminal([...push, working, "--force"], admin, "y");
      expect([agreed.code, agreed.output]).toEqual([0, expect.stringContaining("success")]);
    });

    it("sees what else would be done", async () => {
      const before = await countEntries();
      const register = await ogr(["project", "register", "P.next", "--dry-run", "--json"], admin);
      expect([register.code, register.stdout]).toEqual([0, expect.stringContaining('"project_id":"P.next"')]);
      expect((await ogr(["project", "register", "P.acts", "--dry-run"], admin)).code).toBe(6);
      expect((await ogr(["project", "register", "next", "--dry-run"], admin)).code).toBe(2);
      const release = await ogr(["release", "P.acts", "v1.0.0", "--commit", "feature/hello", "--dry-run"], admin);
      expect([release.code, release.stdout]).toEqual([0, expect.stringContaining("Release v1.0.0 of P.acts")]);
      const merge = await ogr(["merge", "P.acts", "feature/hello", "--into", "main", "--dry-run"], admin);
      expect([merge.code, merge.stdout]).toEqual([0, expect.stringContaining("Merge feature/hello into main of P.acts")]);
      expect(await countEntries()).toBe(before);
    });

    it("sees a dry run of a statement, and follows the card to its end", async () => {
      const { card_id } = await openCard(registry().as("admin"), buildRegistrationJob("P.watched"));
      const bob = toPersonEnvironment(registry(), "bob");
      const before = await countEntries();
      const dry = await ogr(["card", "approve", card_id, "--dry-run"], bob);
      expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining("You would approve the plan")]);
      expect(await countEntries()).toBe(before);
      const watching = ogr(["card", "watch", card_id, "--json"], admin);
      await stateDecision(registry(), "bob", "approve", { card_id });
      const watched = await watching;
      expect([watched.code, watched.json(cardSchema).status]).toEqual([0, "success"]);
      const finished = await ogr(["card", "watch", card_id], admin);
      expect(finished.stdout).toMatch(/^\d\d:\d\d:\d\d {2}success/);
    });

    it("requests a permit, revokes it, and issues a command with another", async () => {
      const params = join(folder, "params.json");
      const bundle = join(folder, "push.bundle");
      await runGit(working, ["bundle", "create", "--quiet", bundle, "feature/hello"]);
      const preview = (await ogr([...push, working, "--branch", "feature/other", "--dry-run", "--json"], admin)).json(
        z.looseObject({ new: z.string() }),
      );
      const subject_hash = hashBlake3Hex(await readFile(bundle));
      const zeros = "0".repeat(40);
      await writeFile(
        params,
        JSON.stringify({ project_id: "P.acts", branch: "feature/other", expected_old: zeros, commit_summary: "Other", subject_hash }),
      );
      const ask = ["permit", "request", "--job", "git.registry.push", "--params", params, "--intent", "Publish"];
      const first = await ogr([...ask, "--json"], admin);
      const { permit } = first.json(z.looseObject({ permit: z.looseObject({ jti: z.string() }) }));
      const dry = await ogr(["permit", "revoke", permit.jti, "--reason", "No.", "--dry-run"], admin);
      expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining(`${permit.jti}: issued`)]);
      expect((await ogr(["permit", "revoke", permit.jti, "--reason", "No longer wanted."], admin)).stdout).toContain(
        `${permit.jti}: revoked`,
      );
      await writeFile(join(folder, "permit.json"), first.stdout);
      const issue = ["command", "issue", "--permit", join(folder, "permit.json"), "--params", params, "--patch", bundle];
      expect((await ogr(issue, admin)).code).toBe(3);
      await writeFile(join(folder, "permit.json"), (await ogr([...ask, "--json"], admin)).stdout);
      const issued = await ogr(issue, admin);
      expect([issued.code, issued.stdout]).toEqual([0, expect.stringContaining(preview.new.slice(0, 12))]);
    });

    it("issues a command whose bytes are too large for its inside", async () => {
      const [params, bundle, granted] = ["params.json", "push.bundle", "permit.json"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await runGit(working, ["checkout", "--quiet", "-b", "feature/large"]);
      await writeFile(join(working, "large"), randomBytes(1536 * 1024));
      const tip = await commitFile("beside");
      await runGit(working, ["bundle", "create", "--quiet", bundle, "feature/large"]);
      const subject_hash = hashBlake3Hex(await readFile(bundle));
      const push = { project_id: "P.acts", branch: "feature/large", expected_old: "0".repeat(40), commit_summary: "Large", subject_hash };
      await writeFile(params, JSON.stringify(push));
      const ask = ["permit", "request", "--job", "git.registry.push", "--params", params, "--intent", "Publish", "--json"];
      await writeFile(granted, (await ogr(ask, admin)).stdout);
      const issued = await ogr(["command", "issue", "--permit", granted, "--params", params, "--patch", bundle], admin);
      expect([issued.code, issued.stdout]).toEqual([0, expect.stringContaining(tip.slice(0, 12))]);
    });

    it("finds the commands again, and follows one", async () => {
      const listed = await ogr(["command", "list", "--project", "P.acts", "--status", "success", "--limit", "1", "--json"], admin);
      const [command] = listed.json(z.array(z.looseObject({ jti: z.string(), status: z.string(), actor_id: z.string() })));
      expect(command).toMatchObject({ status: "success", actor_id: registry().getActor("admin").actor_id });
      expect((await ogr(["command", "show", command?.jti ?? ""], admin)).stdout).toContain("feature/large");
      const watched = await ogr(["command", "watch", command?.jti ?? ""], admin);
      expect([watched.code, watched.stdout]).toEqual([0, expect.stringContaining("success")]);
      expect((await ogr(["permit", "show", command?.jti ?? ""], admin)).stdout).toContain(
        `by ${registry().getActor("admin").actor_id} as ${OFFICE}`,
      );
    });
  });
}
