import type { WorkflowBundle } from "@temporalio/worker";

/** The bundle with one more statement at the beginning of `officialAct`, which knows Temporal's workflow module by the name it is given. */
export function changeOfficialAct(bundle: WorkflowBundle, writeStatement: (temporal: string) => string): { code: string } {
  if (!("code" in bundle)) throw new TypeError("The workflows were not bundled into text.");
  const begin = "async function officialAct(input) {";
  const at = bundle.code.indexOf(begin);
  const temporal = /\(0,(\w+)\.setHandler\)/.exec(bundle.code.slice(at))?.[1];
  if (at === -1 || temporal === undefined) throw new Error("The bundle is not written as this test expects it.");
  const inside = at + begin.length;
  return { code: `${bundle.code.slice(0, inside)} ${writeStatement(temporal)}${bundle.code.slice(inside)}` };
}
