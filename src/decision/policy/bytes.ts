import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { type Blake3Hex, hashBlake3Hex } from "../../domain/bytes/hash.js";
import { formatProblems } from "../../domain/problems.js";
import { type PolicyData, parsePolicyData } from "./data.js";
import { listCustomSections, removeCustomSections, replaceCustomSection, WasmFormatError } from "./wasm-section.js";

/** The custom section of `policy.wasm` that holds the policy's data as JCS bytes (RFC 8785). */
export const DATA_SECTION = "ogr.policy.data";

/** The largest policy that is loaded, with its data. */
export const POLICY_MAX_BYTES = 8 * 1024 * 1024;

/** The largest data of a policy. Parsing and checking it takes the time of every process that reads the policy. */
const DATA_MAX_BYTES = 256 * 1024;

/** Stable codes. */
export type PolicyBytesCode =
  | "too_large"
  | "not_wasm"
  | "data_missing"
  | "data_repeated"
  | "data_not_canonical"
  | "data_invalid"
  | "no_instance"
  | "entrypoint_missing";

/** The bytes are not a policy. The message names the wrong part and says what to do. */
export class PolicyBytesError extends Error {
  override readonly name = "PolicyBytesError";

  constructor(
    readonly code: PolicyBytesCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Returns a policy with the same rules and other data, which has another hash. @throws PolicyBytesError */
export function replacePolicyData(wasm: Uint8Array, data: PolicyData): Uint8Array {
  const parsed = parsePolicyData(data);
  if (!parsed.ok) throw new PolicyBytesError("data_invalid", `The policy's data has bad fields: ${formatProblems(parsed.problems)}`);
  return readWasmPart(() => replaceCustomSection(wasm, DATA_SECTION, toCanonicalBytes(parsed.value)));
}

/** Returns the policy's rules: its bytes without the data. @throws PolicyBytesError */
export function extractPolicyRules(wasm: Uint8Array): Uint8Array {
  return readWasmPart(() => removeCustomSections(wasm, DATA_SECTION));
}

/** Hashes the policy's rules. @throws PolicyBytesError */
export function hashPolicyRules(wasm: Uint8Array): Blake3Hex {
  return hashBlake3Hex(extractPolicyRules(wasm));
}

/** Reads the policy's data. @throws PolicyBytesError unless the bytes have exactly one such section, canonical and valid. */
export function readPolicyData(wasm: Uint8Array): PolicyData {
  if (wasm.length > POLICY_MAX_BYTES)
    throw new PolicyBytesError("too_large", `The policy has ${wasm.length} bytes; at most ${POLICY_MAX_BYTES} are loaded.`);
  const [section, ...others] = readWasmPart(() => listCustomSections(wasm, DATA_SECTION));
  if (section === undefined)
    throw new PolicyBytesError("data_missing", `The policy has no section ${DATA_SECTION}; build it with scripts/build-policy.ts.`);
  if (others.length > 0)
    throw new PolicyBytesError("data_repeated", `The policy has ${others.length + 1} sections ${DATA_SECTION}; it must have one.`);
  if (section.length > DATA_MAX_BYTES)
    throw new PolicyBytesError("too_large", `The policy's data has ${section.length} bytes; at most ${DATA_MAX_BYTES} are read.`);
  const parsed = parsePolicyData(parseDataJson(section));
  if (!parsed.ok) throw new PolicyBytesError("data_invalid", `The policy's data has bad fields: ${formatProblems(parsed.problems)}`);
  // Equal data must always have an equal hash.
  if (!Buffer.from(toCanonicalBytes(parsed.value)).equals(section))
    throw new PolicyBytesError(
      "data_not_canonical",
      "The policy's data is not canonical JSON (RFC 8785); write it with replacePolicyData.",
    );
  return parsed.value;
}

function readWasmPart<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof WasmFormatError) throw new PolicyBytesError("not_wasm", cause.message, { cause });
    throw cause;
  }
}

function parseDataJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new PolicyBytesError("data_not_canonical", "The policy's data is not JSON in UTF-8; write it with replacePolicyData.", { cause });
  }
}
