import { spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundled } from './bundled.ts'

export interface RaceOptions {
  readonly rounds: number
  readonly processes: number
  /** Is left in the folder before each round: what a process that is gone may leave. */
  readonly leftOver: string | undefined
}

export interface RaceResult {
  /** Rounds by how many processes held the folder at once: all should stand under 1. */
  readonly holders: ReadonlyMap<number, number>
  /** What those that did not get it were told, by code. */
  readonly refusals: ReadonlyMap<string, number>
}

type Answer = { readonly held: true } | { readonly held: false; readonly code: string }

/**
 * Processes take one folder at the same moment, round by round. Whoever gets it holds it until all have answered, so that
 * two holders are seen for certain.
 */
export async function lockRace({ rounds, processes, leftOver }: RaceOptions): Promise<RaceResult> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'))
  const program = await bundled('lock-racer', source)
  const racers = await Promise.all(Array.from({ length: processes }, () => racer(program.file)))
  const holders = new Map<number, number>()
  const refusals = new Map<string, number>()
  const count = <K>(map: Map<K, number>, key: K) => map.set(key, (map.get(key) ?? 0) + 1)
  try {
    for (let round = 0; round < rounds; round++) {
      const place = join(folder, String(round))
      mkdirSync(place)
      if (leftOver !== undefined) writeFileSync(join(place, 'lock'), leftOver)
      const answers = await Promise.all(racers.map((one) => one.ask<Answer>({ take: place })))
      count(holders, answers.filter(({ held }) => held).length)
      for (const answer of answers) if (!answer.held) count(refusals, answer.code)
      await Promise.all(racers.map((one) => one.ask({ release: true })))
    }
  } finally {
    for (const one of racers) one.end()
    rmSync(folder, { recursive: true, force: true })
    program.remove()
  }
  return { holders, refusals }
}

const source = `
import { lockFolder } from './src/train/folders/run-lock-files.ts'
let release = async () => {}
process.on('message', async ({ take }) => {
  if (take === undefined) {
    await release()
    release = async () => {}
    process.send({ released: true })
    return
  }
  try {
    release = (await lockFolder(take)).giveBack
    process.send({ held: true })
  } catch (error) {
    process.send({ held: false, code: String(error.code ?? error) })
  }
})
process.send({ ready: true })
`

async function racer(program: string) {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const answers = on(child, 'message')
  const next = async () => ((await answers.next()).value as [unknown])[0]
  await next()
  return {
    ask: async <T>(message: object): Promise<T> => {
      child.send(message)
      return (await next()) as T
    },
    end: () => {
      child.disconnect()
      void once(child, 'exit')
    },
  }
}
