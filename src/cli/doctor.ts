import { createRequire } from 'node:module'
import * as ort from 'onnxruntime-node'
import { z } from 'zod'
import { homeFolder } from '../data/cache/index-files.ts'
import { accelerators, providerOf } from '../engine/providers.ts'
import { timedStep } from '../train/timing/index.ts'
import {
  fastest,
  machineHere,
  packagesHere,
  placesHere,
  type Report,
  remember,
  reportText,
  tryEach,
  tryHere,
  withoutHome,
} from './doctor/index-files.ts'
import { programFile } from './engine.ts'
import { defineVerb } from './verb.ts'

/** `holdfast doctor`: what this installation can do here, to look at and to put into an issue. */
export const doctor = defineVerb({
  name: 'doctor',
  examples: ['holdfast doctor', 'holdfast doctor --device webgpu', 'holdfast doctor --json'],
  settings: z.object({}),
  run: async ({ device, threads }, { screen }) => {
    screen.stage('timing a training step on each device')
    const wanted = device === undefined ? undefined : providerOf(device)
    const devices = wanted
      ? [await tryHere(wanted, threads)]
      : await tryEach(accelerators, programFile(), threads)
    // For --device auto, which asks no more where the answer is known.
    if (!wanted) await remember(devices)
    const report = withoutHome(homeFolder(), {
      schema: 'holdfast.doctor/1',
      ...(await facts()),
      ...machineHere(),
      step: timedStep,
      devices,
      auto: fastest(devices) ?? null,
    })
    screen.draw([])
    // What was not asked for may be missing.
    const failed = devices.some(({ device: each, opens }) => !opens && each === (wanted ?? 'cpu'))
    return { json: report, text: reportText(report), exitCode: failed ? 1 : 0 }
  },
})

async function facts(): Promise<Pick<Report, 'versions' | 'packages' | 'cache' | 'data'>> {
  const { version } = createRequire(import.meta.url)('holdfast/package.json') as { version: string }
  const [packages, places] = await Promise.all([packagesHere(), placesHere()])
  const { node: onnxRuntime = 'unknown' } = ort.env.versions
  return { versions: { holdfast: version, node: process.versions.node, onnxRuntime }, packages, ...places }
}
