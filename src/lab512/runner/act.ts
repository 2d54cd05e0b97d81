import { type ActMarks, pickMarks } from "../../domain/act/marks.js";
import { signDsse } from "../../domain/bytes/signature.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import type { Outcome } from "../../domain/denial.js";
import { signGitObject } from "../../domain/git/git-signature.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ExecuteInput, JobContext } from "../jobs/job.js";
import type { ActLog } from "./act-log.js";
import { type ActAuthor, keepLog } from "./answer.js";
import { type Attempt, isBeforeMove } from "./attempt.js";
import type { RunnerDependencies } from "./dependencies.js";
import { ActDenied } from "./permission.js";
import { buildPlanningContext } from "./plan-act.js";

/** A claimed act and the attempt that runs it. */
export interface Act extends ActMarks {
  readonly deps: RunnerDependencies;
  /** The tenant's view of the store. */
  readonly store: ObjectStore;
  readonly envelope: CommandEnvelope;
  /** What the command brought as its authority. Nothing of it is trusted. */
  readonly authority: unknown;
  /** The approvals that count. */
  readonly statements: readonly SignedStatement[];
  readonly log: ActLog;
  readonly startedAtMs: number;
  readonly attempt: Attempt;
  /** When the first attempt won the claim, in milliseconds since 1970. */
  readonly claimedAtMs: number;
  /** Whether an earlier attempt won the claim. */
  readonly isTakenOver: boolean;
  /** Whether the act may happen if it has not. Called once, and the answer is kept. */
  readonly checkPermission: () => Promise<Outcome<null>>;
  readonly author: Promise<ActAuthor>;
  /** The revision of the infra registry that the act was checked against. */
  readonly infra_revision: string | undefined;
  readonly pinned_target: string | undefined;
}

export async function buildJobContext(act: Act, signal: AbortSignal): Promise<JobContext> {
  const { deps, store, envelope, log, attempt, isTakenOver } = act;
  return {
    ...(await buildPlanningContext(deps, store, envelope.tenant_id, envelope.params.project_id)),
    isTakenOver,
    signal,
    log: (line) => log.writeLine(line),
    keepLog: (commit) => keepLog({ store, envelope, log }, commit),
    completeStep: async (name) => {
      await attempt.completeStep(name);
      // A job that gets this far before the move has seen that the act has not happened.
      if (name !== "claimed" && isBeforeMove(name)) await assertPermitted(act);
    },
  };
}

export function buildJobInput({ deps, envelope, statements, pinned_target, ...act }: Act): ExecuteInput<CommandEnvelope["params"]> {
  const { receiptKey, gitKey } = deps;
  const { jti, params, permit } = envelope;
  const signer = { keyid: receiptKey.kid, sign: (type: string, body: Uint8Array) => signDsse(type, body, receiptKey) };
  const making = { iatMs: permit.iat, sign: (unsigned: Uint8Array) => signGitObject(unsigned, gitKey) };
  return { jti, params, permit, pinned_target, statements, making, signer, ...pickMarks(act) };
}

async function assertPermitted({ checkPermission }: Act): Promise<void> {
  const permission = await checkPermission();
  if (!permission.ok) throw new ActDenied(permission.denial);
}
