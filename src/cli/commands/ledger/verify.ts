import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { requireValue } from "../../../client/http/problem.js";
import { BrokenChain, ChainReader } from "../../../client/offline/ledger.js";
import { parseJson } from "../../../domain/json.js";
import { RegistryCommand } from "../../cli-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../../failure.js";
import type { Output } from "../../terminal/output.js";

interface VerifyOptions {
  readonly file?: string;
  readonly head?: string;
}

/** `ogr ledger verify`: asks the registry to verify the tenant's chain, or verifies an exported one offline. */
export function buildLedgerVerifyCommand(): RegistryCommand {
  return new RegistryCommand<VerifyOptions>("verify", "verify the chain of the tenant's ledger")
    .option("--file <file>", "verify an export of `ogr ledger export` offline; - reads standard input")
    .option("--head <hash>", "with --file: require an entry with this hash, such as a head that you kept")
    .addExamples(
      "ogr ledger verify",
      "ogr ledger verify --file ledger.jsonl",
      "ogr ledger verify --file ledger.jsonl --head af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    )
    .run(async ({ options, out, openClient }) => {
      if (options.file !== undefined) return verifyFile(options.file, options.head, out);
      if (options.head !== undefined) throw new UsageError("--head: only an export is compared with it; pass --file too.");
      const ledger = requireValue(await (await openClient()).verifyLedger());
      const verdict = ledger.ok ? "is whole" : `is BROKEN: ${ledger.problem ?? "it does not say where"}`;
      out.print(ledger, `${ledger.container} ${verdict}: ${ledger.entries} entries, ${ledger.anchors_checked} anchors`);
      if (!ledger.ok) throw new UnsuccessfulExit(EXIT.error);
    });
}

async function verifyFile(path: string, head: string | undefined, out: Output): Promise<void> {
  const reader = new ChainReader();
  let isHeadThere = head === undefined;
  let problem: string | null = null;
  try {
    for await (const value of readJsonLines(path)) isHeadThere = reader.follow(value).hash === head || isHeadThere;
    if (reader.chain.entries === 0) problem = "It has no entries.";
    else if (!isHeadThere) problem = `No entry has the hash ${head}: this is another history, or it ends before that entry.`;
  } catch (error) {
    if (!(error instanceof BrokenChain)) throw error;
    problem = error.message;
  }
  const { chain } = reader;
  const from = chain.first > 1 ? `; the file lacks the entries before ${chain.first}` : "";
  const verdict = problem === null ? `is whole: entries ${chain.first} to ${chain.head.seq}${from}` : `is BROKEN: ${problem}`;
  out.print(
    { ok: problem === null, ...chain, ...(problem === null ? {} : { problem }) },
    `${chain.container ?? path} ${verdict}\n  head      ${chain.head.hash}`,
  );
  if (problem !== null) throw new UnsuccessfulExit(EXIT.error);
}

async function* readJsonLines(path: string): AsyncGenerator<unknown> {
  const input = path === "-" ? process.stdin : createReadStream(path);
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (line !== "") yield parseEntryLine(line, number);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(`--file: ${path} cannot be read (${code}).`);
  }
}

function parseEntryLine(line: string, number: number): unknown {
  const entry = parseJson(line);
  if (entry === undefined) throw new BrokenChain(`Line ${number} is not JSON with one meaning.`);
  return entry;
}
