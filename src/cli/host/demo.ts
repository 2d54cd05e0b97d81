import { resolve } from "node:path";
import type { Command } from "commander";
import { sourceFile } from "../../process/source-files.js";
import { demoFolder } from "../connection/state-file.js";
import { EXIT } from "../exit-codes.js";
import { leaf, withExamples } from "../leaf.js";
import { Ended } from "../usage.js";

interface DemoCommandOptions {
  readonly repo?: string;
}

/** `ogr demo`: ADR-002's Proof of Done on real servers, with the history of this clone or of another repository. */
export function demo(): Command {
  const command = leaf<DemoCommandOptions>(
    "demo",
    "register, push and release a real history, and prove the outcome",
    async ({ options, out }) => {
      // Loaded late: what runs the servers is far more than the other commands need.
      const [{ runDemo }, { jsonReport, textReport }] = await Promise.all([import("../../demo/demo.js"), import("../../demo/report.js")]);
      const write = (line: string): void => void process.stdout.write(`${line}\n`);
      const report = out.json ? jsonReport(write) : textReport(write);
      const source =
        options.repo === undefined ? { path: sourceFile("."), plain_files: true } : { path: resolve(options.repo), plain_files: false };
      const held = await runDemo({ data_dir: demoFolder(), source, report });
      if (!held) throw new Ended(EXIT.error);
    },
  ).option("--repo <path>", "push the history of this repository instead of this clone's");
  return withExamples(command, "ogr demo", "ogr demo --repo ../another-project");
}
