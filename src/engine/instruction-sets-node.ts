import { execFileSync } from 'node:child_process'
import { textOf } from './cores-node.ts'

/**
 * Instruction sets of this processor that products of matrices are made of, as Linux calls them, in the order in which they came;
 * undefined where the system does not tell.
 *
 * @param said The system's own words for all that the processor has.
 * @example instructionSets('flags : fpu sse4_1 avx2 fma') // ['sse4_1', 'fma', 'avx2']
 */
export function instructionSets(said = saidBySystem()): readonly string[] | undefined {
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(said ?? '')?.[1]
  if (flags === undefined) return undefined
  const there = new Set(flags.toLowerCase().split(/\s+/))
  return known.filter((name) => there.has(name))
}

const known = [
  ...['sse4_1', 'avx', 'f16c', 'fma', 'avx2', 'avx_vnni', 'avx512f', 'avx512bw', 'avx512vl', 'avx512_vnni'],
  ...['avx512_bf16', 'avx512_fp16', 'amx_tile', 'amx_int8', 'amx_bf16'],
  ...['asimd', 'asimdhp', 'asimddp', 'i8mm', 'bf16', 'sve', 'sve2', 'sme'],
]

const saidBySystem = (): string | undefined =>
  process.platform === 'darwin' ? saidByMac() : textOf('/proc/cpuinfo')

/** Each feature of a Mac's processor is an entry of its own, with 1 behind it where it is there. */
function saidByMac(): string | undefined {
  try {
    const said = execFileSync('sysctl', ['-a'], { encoding: 'utf8', maxBuffer: 2 ** 24 })
    const intel = [...said.matchAll(/^machdep\.cpu\.(?:leaf7_)?features: (.*)$/gm)].map(([, names]) => names)
    const arm = [...said.matchAll(/^hw\.optional\.arm\.FEAT_(\w+): 1$/gm)].map(([, name = '']) => name)
    return `flags: ${[...intel, ...arm.map((name) => macNames[name] ?? name)].join(' ').replaceAll('SSE4.1', 'sse4_1')}`
  } catch {
    return undefined
  }
}

/** Apple's names in those of Linux. */
const macNames: Readonly<Record<string, string>> = { AdvSIMD: 'asimd', FP16: 'asimdhp', DotProd: 'asimddp' }
