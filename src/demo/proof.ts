import assert from "node:assert/strict";
import { join } from "node:path";
import { runGit, runGitForLines, tryGit } from "../client/git/git-command.js";
import { requireValue } from "../client/http/problem.js";
import type { RegistryClient } from "../client/http/registry-client.js";
import { verifyReceipt } from "../client/offline/receipt.js";
import type { Jwks } from "../domain/bytes/signature.js";
import { toBranchRef, toTagRef } from "../domain/git/ref-name.js";
import type { Receipt } from "../domain/permit/receipt.js";
import { openStore, type StoreConfig } from "../storage/open.js";
import { DEMO_PROJECT, DEMO_TAG } from "./acts.js";
import type { DemoHistory } from "./history.js";
import { mirrorRepository } from "./mirror.js";
import type { DemoReport } from "./report.js";

/** The catalog shows the release and the branches, and another tenant sees neither. */
export async function proveCatalog(
  member: RegistryClient,
  stranger: RegistryClient,
  history: DemoHistory,
  report: DemoReport,
): Promise<void> {
  const project = requireValue(await member.readProject(DEMO_PROJECT));
  const refs = await member.listRefs(DEMO_PROJECT).read();
  const head = history.branches[0];
  assert(
    project.releases.some((one) => one.tag === DEMO_TAG && one.commit === head?.tip),
    `the catalog does not show ${DEMO_TAG}`,
  );
  for (const { branch, tip } of history.branches)
    assert(
      refs.some((one) => one.name === toBranchRef(branch) && one.object_id === tip),
      `the catalog does not show ${branch} at ${tip}`,
    );
  const listed = await member.listProjects().read();
  assert(
    listed.some((one) => one.id === DEMO_PROJECT),
    `the list of projects does not name ${DEMO_PROJECT}`,
  );
  const facts = [
    `${project.id} "${project.name}", ${project.visibility}: ${refs.length} refs, releases ${project.releases.map((one) => one.tag).join(", ")}`,
  ];
  report.step({ step: "catalog", text: "The catalog shows the release", project_id: project.id, facts });
  const foreign = await stranger.readProject(DEMO_PROJECT);
  assert(!foreign.ok && foreign.status === 404, "another tenant can see the project");
  const own = await stranger.listProjects().read();
  assert(own.length === 0, "another tenant's catalog is not empty");
  report.step({ step: "isolation", text: `${stranger.tenant_id} sees nothing of it: 404, and an empty catalog` });
}

/** Proves with stock git that the mirrored prefix is a sound repository with every pushed commit and the annotated tag. */
export async function proveRepository(
  storeConfig: StoreConfig,
  tenant: string,
  history: DemoHistory,
  folder: string,
  report: DemoReport,
): Promise<void> {
  const mirror = join(folder, `${DEMO_PROJECT}.git`);
  const store = await openStore(storeConfig);
  let objects: number;
  try {
    objects = await mirrorRepository(store, tenant, DEMO_PROJECT, mirror);
  } finally {
    await store.close();
  }
  await runGit(mirror, ["-c", "safe.directory=*", "fsck", "--strict", "--full"]);
  const clone = join(folder, "clone");
  await runGit(folder, ["-c", "safe.directory=*", "clone", "--quiet", "--no-local", "--no-checkout", mirror, clone]);
  for (const { branch, tip } of history.branches)
    assert(
      (await tryGit(clone, ["rev-parse", "--verify", "--quiet", `refs/remotes/origin/${branch}`])) === tip,
      `the clone does not have ${branch} at ${tip}`,
    );
  const cloned = new Set(await runGitForLines(clone, ["rev-list", "--all"]));
  const pushed = await runGitForLines(history.folder, ["rev-list", "--branches"]);
  const lost = pushed.filter((commit) => !cloned.has(commit));
  assert(lost.length === 0, `${lost.length} pushed commits are not in the clone, the first is ${lost[0]}`);
  const tag = await proveTag(clone, history);
  report.step({
    step: "git",
    text: `Stock git agrees: ${objects} objects of the prefix pass fsck --strict and clone, with all ${pushed.length} commits and the tag`,
    commits: pushed.length,
    facts: [`mirror    ${mirror}`, `tag       ${tag}`],
  });
}

async function proveTag(clone: string, history: DemoHistory): Promise<string> {
  assert((await tryGit(clone, ["cat-file", "-t", toTagRef(DEMO_TAG)])) === "tag", `${DEMO_TAG} is not an annotated tag`);
  const target = await tryGit(clone, ["rev-parse", "--verify", "--quiet", `${toTagRef(DEMO_TAG)}^{commit}`]);
  assert(target === history.branches[0]?.tip, `${DEMO_TAG} points to ${target}`);
  const [object] = await runGitForLines(clone, ["rev-parse", toTagRef(DEMO_TAG)]);
  return `${DEMO_TAG} is the annotated tag ${object?.slice(0, 12)} of ${target?.slice(0, 12)}`;
}

/** Verifies the Runner's signature of every receipt, without the registry. */
export function proveReceipts(receipts: readonly Receipt[], keys: Jwks, report: DemoReport): void {
  for (const receipt of receipts) {
    const verdict = verifyReceipt(JSON.parse(JSON.stringify(receipt)), keys);
    assert(verdict.valid, `the receipt of ${receipt.jti} does not verify: ${verdict.valid ? "" : verdict.why}`);
  }
  report.step({
    step: "receipts",
    text: `All ${receipts.length} receipts carry the Runner's signature, checked offline`,
    receipts: receipts.length,
  });
}

/** Lets the registry verify the chain of its ledger. */
export async function proveLedger(member: RegistryClient, report: DemoReport): Promise<void> {
  const ledger = requireValue(await member.verifyLedger());
  assert(ledger.ok, `the ledger does not verify: ${JSON.stringify(ledger)}`);
  report.step({
    step: "ledger",
    text: `The ledger ${ledger.container} is whole: ${ledger.entries} chained entries`,
    entries: ledger.entries,
  });
}
