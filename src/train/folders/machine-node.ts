import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import type { Engine } from '../../engine/engine.ts'
import type { MachineFacts } from '../../measure/results.ts'

/** The machine that measures. */
export function machineFacts(engine: Engine): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    threads: engine.options.threads ?? 1,
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
    runtime: `node ${process.versions.node}`,
    onnxRuntime: runtimeVersion(engine),
    device: engine.options.device ?? 'cpu',
  }
}

/** Version of ONNX Runtime, as the engine's name says it. */
export const runtimeVersion = (engine: Engine): string => engine.name.split(' ').at(-1) ?? engine.name
