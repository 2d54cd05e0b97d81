import { access, cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import { createEmptyRegistry, formatRegistry } from "../../../infra/model.js";
import { resolveSourceFile } from "../../../process/source-files.js";
import { CliCommand } from "../../cli-command.js";
import { buildLocalDryRunOption } from "../../terminal/option-values.js";
import { formatPaths, openCheckout, refuseInfra } from "./checkout.js";

/** The files of an adopting repository, and their sources in this package. */
const COPIED = {
  ".github/workflows/infra-registry.yml": "templates/infra-registry/.github/workflows/infra-registry.yml",
  ".github/CODEOWNERS": "templates/infra-registry/.github/CODEOWNERS",
  ".github/rulesets/main.json": "templates/infra-registry/.github/rulesets/main.json",
  "scripts/infra": "scripts/infra",
} as const;

/** The files are compared byte for byte, so git must not convert their line endings. */
const ATTRIBUTES_PATH = "infra/.gitattributes";

/** `ogr infra init`: creates an empty infra registry in a checkout, with its scripts and GitHub's rules for it. */
export function buildInfraInitCommand(): CliCommand {
  return new CliCommand<{ readonly dryRun?: boolean }>("init", "create an empty registry in this checkout, with scripts and rules")
    .addOption(buildLocalDryRunOption())
    .addExamples("ogr infra init", "ogr infra init --dry-run")
    .run(async ({ options, out }) => {
      const { root } = await openCheckout(process.cwd());
      const made = { [REGISTRY_PATH]: formatRegistry(createEmptyRegistry()), [CHANGELOG_PATH]: "", [ATTRIBUTES_PATH]: "* -text\n" };
      const paths = [...Object.keys(made), ...Object.keys(COPIED)];
      const there: string[] = [];
      for (const path of paths) if (await isPathPresent(join(root, path))) there.push(path);
      if (there.length > 0)
        throw refuseInfra(
          "registry_exists",
          `${formatPaths(there)} already exists, and nothing was written; remove it first if it is not wanted.`,
        );
      if (options.dryRun)
        return out.print(
          { ok: true, dry_run: true, would_make: paths },
          [...paths.map((path) => `would make ${path}`), "Nothing was changed (--dry-run)."].join("\n"),
        );
      for (const [path, text] of Object.entries(made)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text, { flag: "wx" });
      }
      for (const [path, source] of Object.entries(COPIED))
        await cp(resolveSourceFile(source), join(root, path), { recursive: true, errorOnExist: true, force: false });
      const next =
        "Next: write your team into .github/CODEOWNERS, commit, push, and add .github/rulesets/main.json to the repository's rulesets.";
      out.print({ ok: true, made: paths }, [...paths.map((path) => `made ${path}`), next].join("\n"));
    });
}

async function isPathPresent(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
