import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly ca: string;
  /** A certificate for `localhost` and 127.0.0.1, for a server or a client. */
  issue(name: string): Certificate;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    // Node's crypto can only read certificates, so openssl has to make them.
    return false;
  }
}

/** Creates a certificate authority in a folder. */
export function createAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true });
  const resolveFile = (name: string): string => join(folder, name);
  const runOpenssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  runOpenssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=An authority of a test", "-days", "2");
  writeFileSync(resolveFile("extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
  return {
    ca: resolveFile("ca.pem"),
    issue(name) {
      runOpenssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"];
      runOpenssl("x509", "-req", "-in", `${name}.csr`, ...authority, "-out", `${name}.pem`, "-days", "2");
      return { cert: resolveFile(`${name}.pem`), key: resolveFile(`${name}.key`) };
    },
  };
}
