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
export const verdicts: readonly number[] = [0, 2, 3]

/** What Node does with these arguments, and how long it takes, by the wall and of the processor. */
export function timedCommand(args: readonly string[]) {
  const timed = ['-c', 'TIMEFORMAT="took %R %U %S"; time "$@"', 'bash', process.execPath]
  const { status, stdout, stderr } = spawnSync('bash', [...timed, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  const [, ...found] = /took (\d+[.,]\d+) (\d+[.,]\d+) (\d+[.,]\d+)\s*$/.exec(stderr) ?? []
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN] = found.map((text) =>
    Number(text.replace(',', '.')),
  )
  return { code: status, stdout, stderr, wallSeconds: wall, cpuSeconds: user + system }
}

/**
 * The built command line with --json. Seconds are those of the processor: others may use the machine, too.
 *
 * @throws Error where it ends in another code than a verdict, with what it said.
 */
export function holdfast(words: readonly string[]): Ended {
  console.error(`$ holdfast ${words.join(' ')}`)
  const { code, stdout, stderr, cpuSeconds } = timedCommand(['dist/cli/main.js', ...words, '--json'])
  const [verb = ''] = words
  if (!verdicts.includes(code ?? -1) || Number.isNaN(cpuSeconds))
    throw new Error(`holdfast ${words.join(' ')} ended with ${code}:\n${stderr}${stdout}`)
  return {
    verb,
    code,
    cpuSeconds,
    json: JSON.parse(stdout) as Record<string, unknown>,
    said: stderr.split('\n').filter((line) => /^(note|warning)\b/.test(line)),
  }
}
