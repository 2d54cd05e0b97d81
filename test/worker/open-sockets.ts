import { readdir, readFile, readlink } from "node:fs/promises";

const TCP_LISTEN = "0A";
/** `__SO_ACCEPTCON` of the kernel: the socket accepts connections. */
const UNIX_ACCEPTS = 0x10000;

/** Lists the process and its descendants. Source: proc(5). */
export async function listProcessTree(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readIfThere(`/proc/${name}/stat`);
    // The name in parentheses can contain any character, so the members are counted from its end.
    const ppid = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    if (ppid !== undefined) parents.set(Number(name), Number(ppid));
  }
  const tree = [pid];
  for (const member of tree) for (const [child, parent] of parents) if (parent === member) tree.push(child);
  return tree;
}

/** Lists the listening sockets of a process and its descendants as `tcp`, `tcp6` or `unix` with the address. Source: proc(5), net. */
export async function listListeningSockets(pid: number): Promise<string[]> {
  const found: string[] = [];
  for (const member of await listProcessTree(pid)) {
    const inodes = await listSocketInodes(member);
    for (const family of ["tcp", "tcp6"]) {
      for (const fields of await readTable(`/proc/${member}/net/${family}`))
        if (fields[3] === TCP_LISTEN && inodes.has(fields[9] ?? "")) found.push(`${member} ${family} ${fields[1]}`);
    }
    for (const fields of await readTable(`/proc/${member}/net/unix`))
      if (Number.parseInt(fields[3] ?? "0", 16) & UNIX_ACCEPTS && inodes.has(fields[6] ?? ""))
        found.push(`${member} unix ${fields[7] ?? ""}`);
  }
  return found;
}

/** Lists every socket of a process, listening or not. */
export async function listSocketInodes(pid: number): Promise<Set<string>> {
  const inodes = new Set<string>();
  for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(ignoreGone)) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "closed meanwhile");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

async function readTable(path: string): Promise<string[][]> {
  const text = await readIfThere(path);
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

async function readIfThere(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    // A process may end while it is inspected.
    if (error.code === "ENOENT" || error.code === "ESRCH") return "";
    throw error;
  });
}

function ignoreGone(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT" || error.code === "ESRCH") return [];
  throw error;
}
