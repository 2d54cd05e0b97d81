import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runGit, runGitForLines } from "../../src/client/git/git-command.js";
import { preparePush } from "../../src/client/git/pushing.js";
import { requireValue } from "../../src/client/http/problem.js";
import { verifyReceipt } from "../../src/client/offline/receipt.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import { readJwks } from "../../src/configuration/keys.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { toProjectKey, toReleaseManifestKey, toReleaseNotesKey, toRepoPrefix } from "../../src/domain/storage-key.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildRegistrationParams,
  ensurePasskeys,
  issuePush,
  OFFICE,
  openPushCard,
  openScenarioCard,
  openTagCard,
  toEnd,
} from "./acts.js";
import { findRef, listEvents } from "./stored-state.js";

const PROJECT = "P.demo";
const NOTES = "# v1.2.0\n\nThe first one.\n";

/** Builds three branches with merges, of which `large` has two MiB of random bytes. */
function buildHistory(): Clone {
  const made = new Clone();
  made.commit("README.md", "# Demo\n");
  made.git("checkout", "-q", "-b", "topic");
  made.commit("topic.txt", "one\n");
  made.commit("topic.txt", "two\n");
  made.git("checkout", "-q", "main");
  made.commit("src/main.ts", "export {};\n");
  made.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic");
  made.git("checkout", "-q", "-b", "large");
  made.commit("large.bin", randomBytes(2 * 1024 * 1024));
  made.git("merge", "-q", "--no-ff", "-m", "Merge topic again", "-s", "ours", "topic");
  return made;
}

/** The steps of ADR-002's Proof of Done, on one project. */
export function describeProofOfDone(running: () => ServedRegistry): void {
  describe("the Proof of Done (ADR-002)", () => {
    const tips: Record<string, string> = {};
    let registry: ServedRegistry;
    let folder: string;
    let clone: Clone;

    beforeAll(async () => {
      registry = running();
      folder = await mkdtemp(join(tmpdir(), "ogr-proof-"));
      clone = buildHistory();
      for (const branch of ["main", "topic", "large"]) tips[branch] = clone.readHead(branch);
    });

    afterAll(async () => {
      await rm(folder, { recursive: true, force: true });
      await rm(clone.folder, { recursive: true, force: true });
    });

    const prepareBranchPush = (source: string, branch: string) =>
      preparePush(registry.as("admin"), {
        project_id: PROJECT,
        branch,
        folder: clone.folder,
        ref: `refs/heads/${source}`,
        bundlePath: join(folder, `${source}.bundle`),
      });

    it("registers P.demo in T.UBL by card and approval, with the events of the ADR and a repository in the store", async () => {
      const card = await openScenarioCard(registry.as("admin"), { jobType: "git.registry.init", params: buildRegistrationParams(PROJECT) });
      expect(card).toMatchObject({ status: "awaiting_approval", level: "L3", plan: { basis: { refs: [] } } });
      expect(await approveAsEach(registry, card, ["bob"])).toMatchObject({
        status: "success",
        statements: [{ approver: "ubl:sid:person:bob", counts: true }],
      });

      expect(await listEvents(registry, "project.registered")).toEqual([
        { project_id: PROJECT, name: PROJECT, owners: [OFFICE], visibility: "internal" },
      ]);
      expect(await listEvents(registry, "project.repo.bound")).toEqual([
        { project_id: PROJECT, repo_url: `s3://${toRepoPrefix("T.UBL", PROJECT)}` },
      ]);
      expect(requireValue(await registry.as("carol").readProject(PROJECT))).toMatchObject({
        id: PROJECT,
        owners: [OFFICE],
        releases: [],
      });
      expect(await registry.as("carol").listRefs(PROJECT).read()).toEqual([]);
      const head = await registry.store.pointers.read(`${toRepoPrefix("T.UBL", PROJECT)}/HEAD`);
      expect(Buffer.from(head?.bytes ?? []).toString()).toBe("ref: refs/heads/main\n");
      expect(JSON.parse(Buffer.from((await registry.store.blobs.get(toProjectKey("T.UBL", PROJECT))) ?? []).toString())).toMatchObject({
        project_id: PROJECT,
        registered_by: "ubl:sid:person:admin",
      });
    });

    it("pushes a history to feature branches by card and by permit, inline and staged", async () => {
      const first = await prepareBranchPush("main", "feature/x");
      expect(first.patch).toBeDefined();
      const card = await openPushCard(registry.as("admin"), first);
      expect(card).toMatchObject({
        level: "L1",
        status: "awaiting_approval",
        plan: { commit_count: 5, basis: { refs: [{ name: "refs/heads/feature/x", new: tips["main"] }] } },
      });
      expect((await approveAsEach(registry, card, ["bob"])).status).toBe("success");

      for (const source of ["topic", "large"]) {
        const next = await prepareBranchPush(source, `feature/${source}`);
        expect(next.patch === undefined).toBe(source === "large");
        const done = requireValue(await issuePush(registry.as("admin"), next));
        expect(toEnd(done)).toEqual({ status: "success", code: undefined });
        expect(done.level).toBe("L1");
      }
      const pushes = { "feature/x": "main", "feature/topic": "topic", "feature/large": "large" };
      const actor = "ubl:sid:person:admin";
      expect(await listEvents(registry, "project.activity")).toEqual(
        Object.entries(pushes).map(([branch, source]) => ({
          project_id: PROJECT,
          action: "push",
          actor,
          ref: `refs/heads/${branch}`,
          commit: tips[source],
        })),
      );
      const { activity } = requireValue(await registry.as("bob").readProject(PROJECT));
      const refs = await registry.as("bob").listRefs(PROJECT).read();
      expect(activity).toHaveLength(3);
      for (const [branch, source] of Object.entries(pushes)) {
        expect(refs).toContainEqual(expect.objectContaining({ name: `refs/heads/${branch}`, object_id: tips[source] }));
        expect(await findRef(registry, PROJECT, `refs/heads/${branch}`)).toBe(tips[source]);
      }
    });

    it("tags v1.2.0 at L4 by card, approval and step-up, with manifest and catalog", async () => {
      await ensurePasskeys(registry, "bob");
      const commit = tips["main"] ?? "";
      const card = await openTagCard(registry.as("admin"), { project_id: PROJECT, tag: "v1.2.0", commit, notes: NOTES });
      expect(card.level).toBe("L4");
      const closed = await approveAsEach(registry, card, ["bob"]);
      expect(closed.status).toBe("success");

      const notes_hash = hashBlake3Hex(Buffer.from(NOTES));
      expect(await listEvents(registry, "project.release.tagged")).toEqual([{ project_id: PROJECT, tag: "v1.2.0", commit, notes_hash }]);
      expect(requireValue(await registry.as("carol").readProject(PROJECT)).releases).toEqual([
        expect.objectContaining({ tag: "v1.2.0", commit, notes_hash }),
      ]);
      const manifest = JSON.parse(
        Buffer.from((await registry.store.blobs.get(toReleaseManifestKey("T.UBL", PROJECT, "v1.2.0"))) ?? []).toString(),
      ) as Record<string, unknown>;
      expect(manifest).toMatchObject({ tag: "v1.2.0", commit, notes_hash });
      expect(JSON.stringify(manifest)).toContain("ubl:sid:person:bob");
      expect(Buffer.from((await registry.store.blobs.get(toReleaseNotesKey("T.UBL", PROJECT, "v1.2.0"))) ?? []).toString()).toBe(NOTES);
      const { receipt } = await waitForCommandEnd(registry.as("admin"), closed.jti ?? "", ACT_MS);
      expect(verifyReceipt(receipt, readJwks(registry.founded.keys.receiptJwks)).valid).toBe(true);
    });

    it("stores a prefix on which git fsck and git clone succeed, with every commit and the annotated tag", async () => {
      const mirror = join(folder, "mirror.git");
      await mirrorRepository(registry.store, "T.UBL", PROJECT, mirror);
      await runGit(mirror, ["-c", "safe.directory=*", "fsck", "--strict", "--full"]);
      await runGit(folder, ["-c", "safe.directory=*", "clone", "--quiet", "--no-local", "--no-checkout", mirror, "cloned"]);
      const cloned = join(folder, "cloned");
      const commits = await runGitForLines(cloned, ["rev-list", "--all"]);
      expect(commits.sort()).toEqual(clone.git("rev-list", "--all").split("\n").sort());
      expect(await runGitForLines(cloned, ["cat-file", "-t", "refs/tags/v1.2.0"])).toEqual(["tag"]);
      expect(await runGitForLines(cloned, ["rev-parse", "refs/tags/v1.2.0^{commit}"])).toEqual([tips["main"]]);
      expect(await runGit(cloned, ["for-each-ref"])).not.toContain("refs/ubl/");
    });

    it("has recorded every act in a valid ledger, and hides the project from another tenant", async () => {
      const ledger = requireValue(await registry.as("bob").verifyLedger());
      expect(ledger).toMatchObject({ ok: true, container: "C.Registry::T.UBL" });
      expect(ledger.entries).toBeGreaterThan(20);
      expect(await registry.as("olga", "T.OTHER").readProject(PROJECT)).toMatchObject({ ok: false, status: 404 });
      expect(await registry.as("olga", "T.OTHER").listProjects().read()).toEqual([]);
    });
  });
}
