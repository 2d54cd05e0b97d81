/** What a file system call answers, or undefined when nothing is at its path; any other error says nothing of that and is thrown. */
export async function ignoreAbsence<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
