import { createRequire } from "node:module";

// The package's ESM entry leaves out loadPolicySync, which its types declare; its CommonJS entry has it.
const { loadPolicySync } = createRequire(import.meta.url)("@open-policy-agent/opa-wasm") as typeof import("@open-policy-agent/opa-wasm");

/** @types/node declares WebAssembly's types alone. */
const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => WebAssembly.Module } }).WebAssembly;

/** Compiles the rules of a policy. @throws if they are not WebAssembly */
export function compileRules(rules: Uint8Array): WebAssembly.Module {
  return new Module(rules);
}

/** Longer or deeper JSON is not given to the wasm, because its stack is small. */
const INPUT_MAX_BYTES = 2 * 1024 * 1024;
const INPUT_MAX_DEPTH = 32;

export const ENTRYPOINTS = ["registry/act", "registry/statement"] as const;
export type Entrypoint = (typeof ENTRYPOINTS)[number];

export type EvaluatorAnswer =
  | { readonly ok: true; readonly answer: unknown }
  | {
      readonly ok: false;
      readonly fault: "input" | "policy";
      readonly text: string;
    };

export interface Evaluator {
  readonly entrypoints: readonly string[];
  /** Synchronous, and never throws: a fault is a value. */
  evaluate(entrypoint: Entrypoint, input: unknown): EvaluatorAnswer;
}

/** Reuses one instance of the rules. Replaces it after a fault, which can corrupt its memory. */
export function createEvaluator(rules: WebAssembly.Module, data: unknown): Evaluator {
  const instantiatePolicy = () => {
    const policy = loadPolicySync(rules);
    policy.setData({ policy: data });
    return policy;
  };
  let instance = instantiatePolicy();
  return {
    entrypoints: Object.keys(instance.entrypoints),
    evaluate(entrypoint, input) {
      const text = encodeInput(input);
      if (!text.ok) return text;
      try {
        return { ok: true, answer: instance.evaluate(text.buffer, entrypoint) };
      } catch (fault) {
        instance = instantiatePolicy();
        return { ok: false, fault: "policy", text: formatFault(fault) };
      }
    },
  };
}

type InputText =
  | { readonly ok: true; readonly buffer: ArrayBuffer }
  | { readonly ok: false; readonly fault: "input"; readonly text: string };

function encodeInput(input: unknown): InputText {
  const refuseInput = (text: string): InputText => ({
    ok: false,
    fault: "input",
    text,
  });
  try {
    const problem = checkInput(input, INPUT_MAX_DEPTH);
    if (problem !== undefined) return refuseInput(problem);
    const bytes = new TextEncoder().encode(JSON.stringify(input));
    if (bytes.length > INPUT_MAX_BYTES)
      return refuseInput(`The input has ${bytes.length} bytes of JSON; at most ${INPUT_MAX_BYTES} are allowed.`);
    return { ok: true, buffer: bytes.buffer };
  } catch (fault) {
    return refuseInput(`The input has no JSON form: ${formatFault(fault)}`);
  }
}

/** Finds what the wasm's JSON parser cannot read: deep nesting, and strings that are not Unicode. */
function checkInput(value: unknown, depthLeft: number): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "The input has a string that is not well-formed Unicode.";
  if (typeof value !== "object" || value === null) return undefined;
  if (depthLeft === 0) return `The input is nested deeper than ${INPUT_MAX_DEPTH} levels.`;
  for (const [key, member] of Object.entries(value)) {
    const problem = checkInput(key, depthLeft) ?? checkInput(member, depthLeft - 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** OPA's SDK throws strings and plain objects, not only errors. */
export function formatFault(fault: unknown): string {
  if (typeof fault === "object" && fault !== null && "message" in fault) return String(fault.message);
  return String(fault);
}
