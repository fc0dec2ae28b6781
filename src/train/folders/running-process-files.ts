import { readFile } from 'node:fs/promises'
import { systemCode } from '../../tensor/reads-files.ts'

/**
 * A process of this machine that runs; undefined where there is none of this number, or what is left of it is dead and not yet buried.
 *
 * @returns `started`: when it began, where the system tells, as a number may be given to another process later.
 */
export async function runningProcess(pid: number): Promise<{ readonly started: string | null } | undefined> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return undefined
  }
  const { started, dead } = await statOf(pid)
  return dead ? undefined : { started }
}

/** Linux: a process's start in clock ticks since boot, and whether it is dead; nothing elsewhere. */
async function statOf(pid: number): Promise<{ readonly started: string | null; readonly dead: boolean }> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold spaces; the third field comes after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { started: fields[19] ?? null, dead: fields[0] === 'Z' }
  } catch {
    return { started: null, dead: false }
  }
}
