import { rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '../tensor/writes-files.ts'
import { type Held, lockOutput } from '../train/folders/index-files.ts'

/** What a command has of the places that it writes to, until it ends. */
export interface Outputs {
  /** Makes a folder for what it writes, and those on the way to it. */
  makeFolder(path: string): Promise<void>
  /**
   * Keeps other commands from writing to a place.
   *
   * @throws EnvironmentError `out-in-use`.
   */
  hold(path: string, said: string): Promise<void>
}

/**
 * Does a command, and gives back the places that it held. Where it fails, the folders that were made for it and are still empty are taken
 * away.
 */
export async function withOutputs<T>(command: (outputs: Outputs) => Promise<T>): Promise<T> {
  /** Each before those in it. */
  const made: string[] = []
  const held: Held[] = []
  // Ctrl-C ends a process at once.
  const leave = () => {
    for (const one of held) one.leave()
  }
  process.on('exit', leave)
  const giveBack = async () => {
    process.off('exit', leave)
    for (const one of held) await one.giveBack()
  }
  const outputs: Outputs = {
    makeFolder: async (path) => {
      const first = await makeFolder(path)
      if (first === undefined) return
      const folders = [path]
      for (let at = path; at !== first && dirname(at) !== at; at = dirname(at)) folders.unshift(dirname(at))
      made.push(...folders)
    },
    hold: async (path, said) => {
      held.push(await lockOutput(path, said))
    },
  }
  try {
    const answer = await command(outputs)
    await giveBack()
    return answer
  } catch (error) {
    await giveBack().catch(() => undefined)
    // One that is not empty stays, and so do those that it lies in.
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined)
    throw error
  }
}
