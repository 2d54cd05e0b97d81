import type { Command } from "commander";
import { verifyReceiptPact } from "../../../client/offline/pact.js";
import { verifyReceipt } from "../../../client/offline/receipt.js";
import { jwksSchema } from "../../../domain/bytes/jwks.js";
import { formatProblems, parseWith } from "../../../domain/problems.js";
import { addExamples, buildCommand } from "../../build-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../../failure.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { formatPact, formatReceipt } from "../../terminal/text.js";

interface VerifyOptions {
  readonly jwks: string;
  readonly pact?: string;
}

/** `ogr receipt verify`: verifies a receipt with public keys, offline. */
export function buildReceiptVerifyCommand(): Command {
  const command = buildCommand<VerifyOptions>(
    "verify <file>",
    "verify a receipt's signature offline; - reads standard input",
    async ({ options, arguments: [file = ""], out }) => {
      const receipt = await readJsonInput("the receipt", file);
      const keys = parseWith(jwksSchema, await readJsonInput("--jwks", options.jwks));
      if (!keys.ok) throw new UsageError(`--jwks: ${options.jwks} is not a JWK set of Ed25519 keys: ${formatProblems(keys.problems)}`);
      const verdict = verifyReceipt(receipt, keys.value);
      out.print(
        verdict,
        verdict.valid ? `valid: signed by ${verdict.receipt.kid}\n${formatReceipt(verdict.receipt)}` : `not valid: ${verdict.why}`,
      );
      if (!verdict.valid) throw new UnsuccessfulExit(EXIT.denied);
      if (options.pact === undefined) return;
      const pact = verifyReceiptPact(verdict.receipt, await readJsonInput("--pact", options.pact), keys.value);
      out.print(pact, pact.valid ? formatPact(pact.pact, pact.unproved) : `Pact not valid: ${pact.why}`);
      if (!pact.valid) throw new UnsuccessfulExit(EXIT.denied);
    },
  )
    .requiredOption("--jwks <file-or-url>", "the Runners' public keys (JWKS)")
    .option("--pact <file>", "also verify this Pact of the merge, and that the receipt names it");
  return addExamples(
    command,
    "ogr receipt verify receipt.json --jwks keys.json",
    "ogr receipt verify receipt.json --pact pact.dsse.json --jwks keys.json",
    "ogr receipt show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json | ogr receipt verify - --jwks keys.json",
  );
}
