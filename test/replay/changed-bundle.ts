import type { WorkflowBundle } from "@temporalio/worker";

/** Adds a statement at the beginning of `officialAct`. `writeStatement` gets the bundle's name of Temporal's workflow module. */
export function changeOfficialAct(bundle: WorkflowBundle, writeStatement: (temporal: string) => string): { code: string } {
  if (!("code" in bundle)) throw new TypeError("The workflows were not bundled into text.");
  const begin = "async function officialAct(input) {";
  const at = bundle.code.indexOf(begin);
  const temporal = /\(0,(\w+)\.setHandler\)/.exec(bundle.code.slice(at))?.[1];
  if (at === -1 || temporal === undefined) throw new Error("The bundle does not have the expected form.");
  const inside = at + begin.length;
  return { code: `${bundle.code.slice(0, inside)} ${writeStatement(temporal)}${bundle.code.slice(inside)}` };
}
