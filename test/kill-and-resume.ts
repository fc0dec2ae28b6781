import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { randomStream } from '../src/tensor/random.ts'
import { buildCli, type Cli } from './cli.ts'

export interface KillOptions {
  /** Runs to be killed. */
  readonly runs: number
  readonly methods: readonly string[]
  readonly scenario: 'task' | 'domain' | 'class'
  /** Kills each run is given, at random moments, before it may end. */
  readonly kills: number
  readonly seed: number
  /** Flags of `learn` that say what trains of a model from a file; default a new model trains in a benchmark. */
  readonly model?: readonly string[]
  readonly say?: (line: string) => void
}

export interface KillResult {
  readonly method: string
  /** Kills that hit a live process; a run may end before. */
  readonly kills: number
  /** Where the run stood when it was killed: what `latest.json` pointed at. */
  readonly places: readonly string[]
  readonly expected: string
  readonly found: string
}

const settings = ['--data', 'synthetic', '--limit', '600,100', '--hidden', '64,64', '--batch', '32']
const small = [...settings, '--iterations', '120', '--checkpoint-every', '15', '--jobs', '1']

/**
 * Runs a small benchmark for each method, kills runs of it with SIGKILL at random moments, resumes them, and compares the
 * SHA-256 of the final parameters with that of a run left alone.
 */
export async function killAndResume(options: KillOptions): Promise<KillResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-kill-'))
  const cli = await buildCli(process.cwd())
  const random = randomStream(options.seed, 'kill moments')
  const wanted = new Map<string, { sha256: string; milliseconds: number }>()
  const results: KillResult[] = []
  try {
    for (let run = 0; run < options.runs; run++) {
      const method = options.methods[run % options.methods.length] ?? 'none'
      const learn = options.model && learnWords(folder, method, options)
      const begin = (out: string) =>
        learn
          ? [...learn, '--out', out]
          : [
              ...['bench', 'split-mnist', '--method', method, '--scenario', options.scenario],
              // One row a pass makes consolidation long enough to be hit.
              ...(method.includes('ewc') ? ['--fisher-batch', '1'] : []),
              ...['--seeds', '3', ...small, '--out', out],
            ]
      const alone = wanted.get(method) ?? (await undisturbed(cli, begin(join(folder, `${method}-alone`))))
      wanted.set(method, alone)
      const out = join(folder, `${method}-${run}`)
      const places: string[] = []
      let misses = 0
      for (let kill = 0; kill < options.kills; kill++) {
        // What was measured alone may have been slow: a run that ended before any kill begins anew, and is hit earlier.
        const killAfter = Math.floor((random.uniform() * alone.milliseconds) / 2 ** misses)
        const words = isBegun(out) ? ['resume', runIn(out)] : begin(out)
        const { code } = await cli.run(words, { killAfter })
        if (code === null) places.push(placeOf(runIn(out)))
        else if (places.length === 0 && misses < 4) {
          rmSync(out, { recursive: true, force: true })
          misses++
          kill--
        }
      }
      const last = await cli.run(isBegun(out) ? ['resume', runIn(out)] : begin(out))
      if (last.code !== 0) throw new Error(`${method}: resuming failed: ${last.stderr}`)
      const found = readFileSync(join(runIn(out), 'parameters.sha256'), 'utf8').trim()
      const result = { method, kills: places.length, places, expected: alone.sha256, found }
      results.push(result)
      const verdict = found === alone.sha256 ? 'equal' : 'DIFFERENT'
      options.say?.(`${run + 1}. ${method}: killed ${places.length} times (${places.join(', ')}): ${verdict}`)
      rmSync(out, { recursive: true, force: true })
    }
    return results
  } finally {
    cli.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A run that trains parts of a model from a file. */
function learnWords(folder: string, method: string, { scenario, model = [] }: KillOptions): string[] {
  const [config, file] = [join(folder, `${method}.yaml`), join(folder, 'model.onnx')]
  writeFileSync(file, modelToOnnx(mlp({ widths: [784, 32, 32, 10], seed: 1 })))
  const plan = {
    data: { source: 'synthetic', limit: { train: 600, test: 100 } },
    stream: { kind: 'split', scenario },
    method: { name: method },
    iterations: 120,
    batchSize: 32,
    checkpointEvery: 15,
  }
  writeFileSync(config, JSON.stringify(plan))
  return ['learn', config, '--model', file, ...model]
}

async function undisturbed(
  cli: Cli,
  words: readonly string[],
): Promise<{ sha256: string; milliseconds: number }> {
  const began = performance.now()
  const { code, stderr } = await cli.run(words)
  if (code !== 0) throw new Error(`The undisturbed run failed: ${stderr}`)
  const sha256 = readFileSync(join(runIn(words.at(-1) ?? ''), 'parameters.sha256'), 'utf8').trim()
  return { sha256, milliseconds: performance.now() - began }
}

/** Of `learn` the output is the run's folder, of `bench` it holds that. */
function runIn(out: string): string {
  const names = existsSync(out) ? readdirSync(out, { withFileTypes: true }) : []
  const inner = names.find((entry) => entry.isDirectory() && entry.name.startsWith('split-mnist-'))
  return inner ? join(out, inner.name) : out
}

const isBegun = (out: string): boolean => existsSync(join(runIn(out), 'config.json'))

function placeOf(out: string): string {
  const latest = join(out, 'latest.json')
  if (!existsSync(latest)) return existsSync(out) ? 'before the first checkpoint' : 'before the folder'
  const { file } = JSON.parse(readFileSync(latest, 'utf8')) as { file: string }
  return file.replace('checkpoint-', 'after ').replace('.safetensors', '')
}
