import { makeFolder, removeMade } from '../tensor/writes-files.ts'
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
  const made: { readonly path: string; readonly first: string }[] = []
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
      if (first !== undefined) made.push({ path, first })
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
    for (const { path, first } of made.reverse()) await removeMade(path, first)
    throw error
  }
}
