import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { buildCli, type Ended } from '../../test/cli.ts'

/** A folder to try a tutorial's commands in, and a record of them as a terminal shows it. */
export interface Shell {
  readonly folder: string
  /** Runs a command and prints it with all that it says; stops the tutorial where its exit code is none of these (default 0). */
  run(command: string, ...exitCodes: readonly number[]): Promise<Ended>
  /** Writes a file of the folder. */
  write(name: string, content: string | Uint8Array): void
  read(name: string): string
  /** Removes the command line that was built; the folder stays to be looked at. */
  close(): void
}

/**
 * Opens the folder named on the command line, which has to be empty or new, else `.cache/tutorials/NAME`, emptied.
 *
 * @param name Of the tutorial.
 */
export async function openShell(name: string): Promise<Shell> {
  const [, , given] = process.argv
  const folder = resolve(given ?? join('.cache', 'tutorials', name))
  if (given === undefined) rmSync(folder, { recursive: true, force: true })
  else if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty.`)
  mkdirSync(folder, { recursive: true })
  const cli = await buildCli(process.cwd())
  return {
    folder,
    run: async (command, ...exitCodes) => {
      console.log(`$ ${command}`)
      const ended = await cli.run(command.split(' ').slice(1), { cwd: folder })
      // JSON is for the tutorial's program, not for its reader.
      const said = command.includes('--json') ? '' : ended.stdout
      console.log(`${ended.stderr}${said}$ echo $?\n${ended.code}\n`)
      const expected = exitCodes.length > 0 ? exitCodes : [0]
      if (ended.code !== null && expected.includes(ended.code)) return ended
      throw new Error(`The exit code is ${ended.code}, where the tutorial has ${expected.join(' or ')}.`)
    },
    write: (file, content) => {
      const path = join(folder, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
    },
    read: (file) => readFileSync(join(folder, file), 'utf8'),
    close: () => cli.remove(),
  }
}
