import { basename, dirname, join } from 'node:path'
import { type Held, lockAt } from './run-lock-files.ts'

/**
 * Takes the place of a file or folder that is to be written for this process: of two commands with one output the last would win. The
 * lock lies beside it, and is that of a run's folder else.
 *
 * @param said What names it, for messages: `-o better.onnx`.
 * @throws EnvironmentError `out-in-use` naming the process that has it.
 */
export const lockOutput = (path: string, said = path): Promise<Held> =>
  lockAt({
    file: join(dirname(path), `.${basename(path)}.lock`),
    ...{ said, code: 'out-in-use', way: 'Wait until it ends, or name another place' },
  })
