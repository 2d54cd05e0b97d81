import { resolve } from "node:path";
import { resolveSourceFile } from "../../process/source-files.js";
import { CliCommand } from "../cli-command.js";
import { resolveDemoFolder } from "../connection/state-file.js";
import { EXIT } from "../exit-codes.js";
import { UnsuccessfulExit } from "../failure.js";

interface DemoCommandOptions {
  readonly repo?: string;
}

/** `ogr demo`: runs ADR-002's Proof of Done on real servers, with the history of this clone or of another repository. */
export function buildDemoCommand(): CliCommand {
  return new CliCommand<DemoCommandOptions>("demo", "register, push and release a real history, and prove the outcome")
    .option("--repo <path>", "push the history of this repository instead of this clone's")
    .addExamples("ogr demo", "ogr demo --repo ../another-project")
    .run(async ({ options, out }) => {
      // Loaded on demand: the other commands need none of the code that runs servers.
      const [{ runDemo }, { createJsonReport, createTextReport }, { createStreamLog }] = await Promise.all([
        import("../../demo/demo.js"),
        import("../../demo/report.js"),
        import("../../stack/progress.js"),
      ]);
      const writeLine = createStreamLog(process.stdout);
      const report = out.json ? createJsonReport(writeLine) : createTextReport(writeLine);
      const source =
        options.repo === undefined
          ? { path: resolveSourceFile("."), takesPlainFiles: true }
          : { path: resolve(options.repo), takesPlainFiles: false };
      const held = await runDemo({ dataDir: resolveDemoFolder(), source, report });
      if (!held) throw new UnsuccessfulExit(EXIT.error);
    });
}
