import { rm } from "node:fs/promises";
import { z } from "zod";
import { readPlainFile, replaceFile, toDraftPath } from "../process/durable-file.js";
import { type Holder, tryLock } from "../process/lock.js";
import { type InfraOutcome, refuseInfraAct } from "./refusal.js";

/** A file before and after a mutation, by SHA-256; null if the file does not exist. */
const changeSchema = z.strictObject({ before: z.string().nullable(), before_bytes: z.int(), after: z.string() });

/** What a writer is about to do. The next writer repairs it if this one dies. */
const journalSchema = z.strictObject({ what: z.string(), registry: changeSchema, changelog: changeSchema });
export type Journal = z.infer<typeof journalSchema>;

export interface HeldLock {
  /** Writes to the disk what is about to happen. */
  announce(journal: Journal): Promise<void>;
  /** Removes the journal, because the work is complete, and then the lock. */
  release(): Promise<void>;
}

/** Repairs the work of a writer that died, and returns a sentence about it. */
export type Repair = (journal: Journal) => Promise<InfraOutcome<string>>;

/** The journal is beside the lock, and survives its writer. */
export function toJournalPath(lockPath: string): string {
  return `${lockPath}.journal`;
}

/**
 * Takes the lock at `path`, which one writer at a time can hold. If the last writer died, its unfinished work is repaired first, and
 * `repaired` describes the repair. A living holder, or one that cannot be judged, is a refusal.
 */
export async function takeWriterLock(path: string, repair: Repair): Promise<InfraOutcome<HeldLock & { readonly repaired: string | null }>> {
  const attempt = await tryLock(path, { isSharedByHosts: true });
  if (!attempt.isHeld) return refuseBusy(path, attempt.holder);
  const journalPath = toJournalPath(path);
  const release = async (): Promise<void> => {
    await rm(journalPath, { force: true });
    await attempt.release();
  };
  try {
    const journal = await readJournal(journalPath);
    const repaired = journal === undefined ? undefined : await repair(journal);
    if (repaired?.ok === false) {
      // The journal stays: the operator and the next writer need it.
      await attempt.release();
      return repaired;
    }
    await rm(journalPath, { force: true });
    const announce = (next: Journal): Promise<void> => replaceFile(journalPath, Buffer.from(JSON.stringify(next)));
    return { ok: true, value: { announce, release, repaired: repaired?.value ?? null } };
  } catch (error) {
    await attempt.release();
    throw error;
  }
}

async function readJournal(path: string): Promise<Journal | undefined> {
  await rm(toDraftPath(path), { force: true });
  const bytes = await readPlainFile(path);
  if (bytes === undefined) return undefined;
  try {
    return journalSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new Error(`${path} does not say what an interrupted command was doing; look at git diff, then remove it.`, { cause });
  }
}

function refuseBusy(path: string, holder: Holder | "unreadable") {
  const who = holder === "unreadable" ? "Another command" : `Process ${holder.pid} on ${holder.host}`;
  const sentence = `${who} is changing the registry; wait until it has ended, and try again.`;
  return refuseInfraAct("registry_busy", `${sentence} If no command is running, look at git status, then remove ${path}.`);
}
