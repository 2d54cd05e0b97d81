import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { verifyReceipt } from "../../client/offline-receipt.js";
import { jwksSchema } from "../../domain/jwks.js";
import { parseWith, problemsText } from "../../domain/problems.js";
import { EXIT } from "../exit-codes.js";
import { leaf } from "../leaf.js";
import { receiptText } from "../text.js";
import { Ended, UsageError } from "../usage.js";

const FETCH_MS = 30_000;

interface VerifyOptions {
  readonly jwks: string;
}

/** `ogr receipt verify`: checks a receipt against public keys, without asking the registry. */
export function receiptVerify(): Command {
  return leaf<VerifyOptions>(
    "verify <file>",
    "check a receipt's signature offline; - reads standard input",
    async ({ options, arguments: [file = ""], out }) => {
      const receipt = jsonOf("the receipt", file, await textOf(file));
      const keys = parseWith(jwksSchema, jsonOf("--jwks", options.jwks, await textOf(options.jwks)));
      if (!keys.ok) throw new UsageError(`--jwks: ${options.jwks} is no JWK set of Ed25519 keys: ${problemsText(keys.problems)}`);
      const verdict = verifyReceipt(receipt, keys.value);
      out.print(
        verdict,
        verdict.valid ? `valid: signed by ${verdict.receipt.kid}\n${receiptText(verdict.receipt)}` : `not valid: ${verdict.why}`,
      );
      if (!verdict.valid) throw new Ended(EXIT.denied);
    },
  ).requiredOption("--jwks <file-or-url>", "the Runners' public keys (JWKS)");
}

async function textOf(place: string): Promise<string> {
  try {
    if (/^https?:\/\//.test(place)) {
      const answer = await fetch(place, { signal: AbortSignal.timeout(FETCH_MS) });
      if (!answer.ok) throw new Error(`answered with ${answer.status}`);
      return await answer.text();
    }
    return await readFile(place === "-" ? "/dev/stdin" : place, "utf8");
  } catch (error) {
    throw new UsageError(`${place} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function jsonOf(what: string, place: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${what}: ${place} is not JSON.`);
  }
}
