import { spawnSync } from 'node:child_process'

/** How a command ended. */
export interface Ended {
  readonly verb: string
  readonly code: number | null
  readonly cpuSeconds: number
  /** What `--json` printed. */
  readonly json: Record<string, unknown>
  /** Lines of stderr that begin with note or warning. */
  readonly said: readonly string[]
}

/** How a verb may end that has done its work: a verdict is no fault. */
const verdicts = [0, 2, 3]

/**
 * The built command line with --json. Seconds are those of the processor: others may use the machine, too.
 *
 * @throws Error where it ends in another code than a verdict, with what it said.
 */
export function holdfast(words: readonly string[]): Ended {
  const timed = ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'bash', process.execPath, 'dist/cli/main.js']
  console.error(`$ holdfast ${words.join(' ')}`)
  const ended = spawnSync('bash', [...timed, ...words, '--json'], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  const [verb = ''] = words
  const cpu = /cpu (\d+[.,]\d+) (\d+[.,]\d+)\s*$/.exec(ended.stderr)
  if (!verdicts.includes(ended.status ?? -1) || !cpu)
    throw new Error(`holdfast ${words.join(' ')} ended with ${ended.status}:\n${ended.stderr}${ended.stdout}`)
  const seconds = [cpu[1], cpu[2]].map((text) => Number((text ?? '').replace(',', '.')))
  return {
    verb,
    code: ended.status,
    cpuSeconds: seconds.reduce((sum, part) => sum + part, 0),
    json: JSON.parse(ended.stdout) as Record<string, unknown>,
    said: ended.stderr.split('\n').filter((line) => /^(note|warning)\b/.test(line)),
  }
}
