import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { z } from "zod";
import { replaceFile } from "./durable-file.js";
import { type InfraOutcome, refuseInfraAct } from "./refusal.js";

/** What a file was before a mutation and what it becomes, by SHA-256; null where it is not there. */
const changeSchema = z.strictObject({ before: z.string().nullable(), before_bytes: z.int(), after: z.string() });

/** What the holder is about to do, so that whoever finds it dead can put it right. */
const journalSchema = z.strictObject({ what: z.string(), registry: changeSchema, changelog: changeSchema });
export type Journal = z.infer<typeof journalSchema>;

const holderSchema = z.strictObject({
  host: z.string(),
  pid: z.int(),
  /** When the process began, in the kernel's own count; null where the system does not say. */
  began: z.string().nullable(),
  nonce: z.string(),
  journal: journalSchema.nullable(),
});
type Holder = z.infer<typeof holderSchema>;

export interface HeldLock {
  /** Keeps on the disk what is about to happen. */
  announce(journal: Journal): Promise<void>;
  release(): Promise<void>;
}

/** What became of the work of a holder that died: a sentence, or null where it had not begun. */
export type Repair = (journal: Journal | null) => Promise<InfraOutcome<string | null>>;

/**
 * Takes the lock at `path`, which one writer at a time can hold. Where the holder is dead, its half-done work is repaired first, by one
 * repairer at a time, and `repaired` says what became of it. A living holder, or one that cannot be judged, is a refusal.
 */
export async function takeLock(path: string, repair: Repair): Promise<InfraOutcome<HeldLock & { readonly repaired: string | null }>> {
  const mine: Holder = {
    host: hostname(),
    pid: process.pid,
    began: await readProcessStart(process.pid),
    nonce: randomUUID(),
    journal: null,
  };
  if (await createLockFile(path, mine)) return { ok: true, value: { ...createHeldLock(path, mine), repaired: null } };
  const repairing = `${path}.repair`;
  if (!(await createLockFile(repairing, mine))) return refuseBusy(path, await readHolder(repairing));
  try {
    const holder = await readHolder(path);
    if (holder !== undefined) {
      if (holder === "unreadable" || holder.host !== mine.host || (await readProcessStart(holder.pid)) === holder.began)
        return refuseBusy(path, holder);
      const repaired = await repair(holder.journal);
      if (!repaired.ok) return repaired;
      // The dead holder's lock becomes ours without a moment in which it is nobody's.
      await replaceFile(path, Buffer.from(JSON.stringify(mine)));
      return { ok: true, value: { ...createHeldLock(path, mine), repaired: repaired.value } };
    }
  } finally {
    await rm(repairing, { force: true });
  }
  return refuseBusy(path, undefined);
}

function createHeldLock(path: string, mine: Holder): HeldLock {
  return {
    announce: (journal) => replaceFile(path, Buffer.from(JSON.stringify({ ...mine, journal }))),
    release: () => rm(path, { force: true }),
  };
}

function refuseBusy(path: string, holder: Holder | "unreadable" | undefined) {
  const who = holder === undefined || holder === "unreadable" ? "Another command" : `Process ${holder.pid} on ${holder.host}`;
  const sentence = `${who} is changing the registry; wait until it has ended, and try again.`;
  return refuseInfraAct("registry_busy", `${sentence} If none runs, look at git status, then remove ${path} and ${path}.repair.`);
}

/** Creates the file with its content in one step, or finds that it is there. */
async function createLockFile(path: string, holder: Holder): Promise<boolean> {
  const draft = `${path}.${holder.nonce}`;
  await writeFile(draft, JSON.stringify(holder), { flag: "wx" });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | "unreadable" | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  if (text === undefined) return undefined;
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return "unreadable";
    throw error;
  }
}

/** When a process began, or `gone`; null where the system only says that it is there. */
async function readProcessStart(pid: number): Promise<string | null | "gone"> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "gone";
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch((error: NodeJS.ErrnoException) => {
    // No such folder on this system, or the process ended just now.
    if (error.code === "ENOENT" || error.code === "ESRCH") return null;
    throw error;
  });
  // The name in parentheses may contain anything; the start time is the 20th field after it (proc(5)).
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}
