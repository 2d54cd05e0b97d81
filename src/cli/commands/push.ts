import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { actDirectly } from "../../client/acting.js";
import { gitAnswer } from "../../client/git-command.js";
import { required } from "../../client/problem.js";
import { preparePush } from "../../client/pushing.js";
import { type CardOptions, proposeCard } from "../card-outcome.js";
import { EXIT, exitOfEnd } from "../exit-codes.js";
import { registryLeaf } from "../leaf.js";
import { receiptText } from "../text.js";
import { Ended, UsageError } from "../usage.js";

const ACT_MS = 900_000;

interface PushOptions extends CardOptions {
  readonly branch?: string;
  readonly from: string;
  readonly ref?: string;
  readonly force?: boolean;
  readonly card?: boolean;
}

/** `ogr push`: sends what the registry lacks of a branch of a working copy. */
export function push(): Command {
  return registryLeaf<PushOptions>(
    "push <project>",
    "push a branch of a working copy",
    async ({ options, arguments: [project_id = ""], out, client }) => {
      const registry = await client();
      const { ref, branch } = await whatToPush(options);
      const folder = await mkdtemp(join(tmpdir(), "ogr-push-"));
      try {
        const force = options.force === true ? { force: true } : {};
        const prepared = await preparePush(registry, {
          project_id,
          branch,
          folder: options.from,
          ref,
          bundle_path: join(folder, "push.bundle"),
          ...force,
        });
        const { office: office_id, intent = prepared.params.commit_summary, risk, wait = false } = options;
        const act = { office_id, intent, jobType: "git.registry.push", target: "LAB_512", ...(risk === undefined ? {} : { risk }) };
        if (options.card) {
          const params = prepared.patch === undefined ? prepared.params : { ...prepared.params, patch: prepared.patch };
          return await proposeCard(registry, { ...act, params }, wait, out);
        }
        const { command, level } = required(
          await actDirectly(registry, { ...act, params: prepared.params, patch: prepared.patch, timeout_ms: ACT_MS }),
        );
        out.print(
          command,
          command.receipt
            ? `${receiptText(command.receipt)}\n  level     ${level}`
            : `${command.jti}: ${command.status}: ${command.denial?.message ?? ""}`,
        );
        const exit = exitOfEnd(command.status, command.denial?.code ?? command.receipt?.code);
        if (exit !== EXIT.ok) throw new Ended(exit);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  )
    .option("--branch <name>", "the branch in the registry; the local one's name when left out")
    .option("--ref <ref>", "the local branch to push; the checked-out one when left out")
    .option("--from <folder>", "the working copy", ".")
    .option("--force", "let the branch go where it was not heading (L2)")
    .option("--card", "open a card instead of asking for a permit at once")
    .option("--risk <level>", "raise the level, such as L3")
    .option("--office <office>", "the office that you act through", "office::default")
    .option("--intent <sentence>", "what this is for; the commit's subject when left out")
    .option("--wait", "with --card: wait until the card has come to its end");
}

async function whatToPush({ from, ref, branch }: PushOptions): Promise<{ ref: string; branch: string }> {
  const inside = await gitAnswer(from, ["rev-parse", "--git-dir"]);
  if (inside === undefined) throw new UsageError(`--from: ${from} is no git repository; name one, or change into it.`);
  const full =
    ref === undefined
      ? await gitAnswer(from, ["symbolic-ref", "--quiet", "HEAD"])
      : await gitAnswer(from, ["rev-parse", "--symbolic-full-name", "--verify", "--quiet", ref]);
  const name = full?.startsWith("refs/heads/") ? full.slice("refs/heads/".length) : undefined;
  if (ref !== undefined && !full) throw new UsageError(`--ref: ${ref} is no branch of ${from}; name a local branch.`);
  if (branch === undefined && name === undefined)
    throw new UsageError("--branch: no local branch is checked out; say which branch of the registry is meant.");
  const chosen = full || "HEAD";
  if ((await gitAnswer(from, ["rev-parse", "--verify", "--quiet", `${chosen}^{commit}`])) === undefined)
    throw new UsageError(`--from: ${from} has no commit yet; commit something first.`);
  return { ref: chosen, branch: branch ?? name ?? "" };
}
