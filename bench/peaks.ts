import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Inspection } from '../src/train/inspect/index.ts'
import { threadsPinned } from './torch-peer.ts'

/** What `inspect` says of a step. */
export type Announced = NonNullable<Inspection['step']>

/** In MiB. */
export interface Peaks {
  readonly peakMiB: number
  readonly torchPeakMiB?: number
  readonly memoryRatio?: number
  /** What `inspect` says of the step. It knows neither a method's tensors nor the data. */
  readonly announcedMiB: number
  /** What the step is fed beside its state: data, and what a method remembers. */
  readonly fedMiB: number
}

/** What a process of ours says of itself. */
export type OwnPeak = Pick<Peaks, 'peakMiB' | 'announcedMiB' | 'fedMiB'>

/** Each contestant in a process of its own: the most memory it ever held (VmHWM). `torch` is a command of PyTorch's side, if it takes part. */
export async function peaksOf(
  own: readonly string[],
  torch: readonly string[] | undefined,
  threads: number,
): Promise<Peaks> {
  const said = async ([command = '', ...args]: readonly string[]): Promise<OwnPeak> => {
    const { stdout } = await promisify(execFile)(command, args, { env: threadsPinned(threads) })
    return JSON.parse(stdout) as OwnPeak
  }
  const self = process.argv[1] ?? ''
  const { peakMiB, announcedMiB, fedMiB } = await said([process.execPath, self, ...own])
  if (!torch) return { peakMiB, announcedMiB, fedMiB }
  const { peakMiB: torchPeakMiB } = await said(torch)
  return { peakMiB, torchPeakMiB, memoryRatio: peakMiB / torchPeakMiB, announcedMiB, fedMiB }
}

const MIB = 2 ** 20

/** Of this process, once it has done its calls. The peak is read before anything is reckoned, which takes memory, too. */
export function ownPeak(announced: () => Announced, fedBytes: number): OwnPeak {
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return { peakMiB: Number(peak?.[1]) / 1024, announcedMiB: announced().bytes / MIB, fedMiB: fedBytes / MIB }
}
