import { relative } from "node:path";

const SHOWN_MAX = 20;

/** A reporter of vitest that prints the slowest test files after a run. A file's time includes its imports and hooks. */
export default class SlowestFiles {
  onTestRunEnd(modules) {
    const files = modules
      .map((file) => {
        const { collectDuration, duration } = file.diagnostic();
        return { name: relative(process.cwd(), file.moduleId), seconds: (collectDuration + duration) / 1_000 };
      })
      .sort((one, other) => other.seconds - one.seconds)
      .slice(0, SHOWN_MAX);
    if (files.length < 2) return;
    console.log(`The ${files.length} slowest test files:`);
    for (const { name, seconds } of files) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
  }
}
